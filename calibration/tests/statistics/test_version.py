"""Figures of the present version of the statistics: one that changes on purpose counts the version up.

Runs are stored with their version, so that what was once proposed can be computed again.
"""

import numpy as np
import pytest

from calibration.statistics import STATISTICS_VERSION
from calibration.statistics.calibration_error import calibration_error, noise_floor
from calibration.statistics.costs import Costs, cheapest_threshold
from calibration.statistics.cross_validation import cross_validated_gains, random_folds
from calibration.statistics.drift import distribution_drift
from calibration.statistics.groups import Groups
from calibration.statistics.recalibration import fit_recalibration
from calibration.statistics.scores import auroc, brier_score, log_loss
from calibration.statistics.sequential import alarm_log_e_values
from calibration.statistics.stratified import Stratum, stratified_failure_rate
from calibration.statistics.thresholds import recommend_for_groups

FIGURES = {
    "3": {
        "threshold": 0.84,
        "level": 0.016666666666666666,
        "p_value": 0.01522004927333567,
        "ece": 0.17764819899854628,
        "ece_debiased": 0.17764756279203564,
        "noise_mean": 0.010228600430506423,
        "noise_q95": 0.015930867388144077,
        "noise_p_value": 0.001,
        "brier": 0.1436556937489905,
        "log_loss": 0.4468784785212496,
        "auroc": 0.68584159764266,
        "isotonic_gain": 0.04196116496000196,
        "logistic_gain": 0.0428413042870759,
        "beta_gain": 0.04284433700681688,
        "logistic_slope": 0.7152207767525386,
        "cheapest": 0.748,
        "cheapest_lenient": 0.612,
        "psi": 2.860372217714202,
        "ks": 0.34259408819253756,
        "alarm": 1.3893917006589263,
        "audited_upper": 0.07855684729194645,
    }
}


def sample():
    """Counts by a formula, so that no generator of random numbers has a say in them."""
    value = np.arange(4_000, 10_001, 40)
    n = 1 + (value * 7) % 90
    return Groups.from_arrays(value / 10_000, n, np.floor(n * (value / 10_000) ** 0.3).astype(int), 2 * n)


def figures():
    groups = sample()
    answer = recommend_for_groups(groups, alpha=0.05, delta=0.05)
    floor, errors = noise_floor(groups), calibration_error(groups)
    isotonic, logistic, beta = cross_validated_gains(random_folds(groups))
    cheapest = cheapest_threshold(groups, Costs(false_allow=20, false_block=1, review=1))
    strata = [Stratum(decisions=900, labelled=900, failures=30), Stratum(decisions=600, labelled=60, failures=4)]
    drift = distribution_drift(groups.below(8_000), groups)
    return {
        "threshold": answer.threshold,
        "level": answer.level,
        "p_value": answer.p_value,
        "ece": errors.ece,
        "ece_debiased": errors.ece_debiased,
        "noise_mean": floor.mean,
        "noise_q95": floor.q95,
        "noise_p_value": floor.p_value,
        "brier": brier_score(groups).score,
        "log_loss": log_loss(groups).score,
        "auroc": auroc(groups).score,
        "isotonic_gain": isotonic.brier_gain,
        "logistic_gain": logistic.brier_gain,
        "beta_gain": beta.brier_gain,
        "logistic_slope": fit_recalibration(groups, "logistic").coefficients[0],
        "cheapest": cheapest.threshold,
        "cheapest_lenient": cheapest.lenient,
        "psi": drift.psi,
        "ks": drift.ks,
        "alarm": float(alarm_log_e_values([12], [100], alpha=0.05)[0]),
        "audited_upper": stratified_failure_rate(strata, level=0.05)[1],
    }


def test_version__same_counts_and_seed__same_figures():
    assert figures() == pytest.approx(FIGURES[STATISTICS_VERSION], rel=1e-9, abs=1e-12)
