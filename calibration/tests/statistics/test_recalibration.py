import numpy as np
import pytest
from hypothesis import given, settings
from scipy import optimize, special
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM

from calibration.statistics.groups import Groups
from calibration.statistics.recalibration import fit_recalibration, recalibrated

from .strategies import groups

EVERYTHING = np.arange(10_001)


def sample(seed=1, n=3000, power=2.0):
    rng = np.random.default_rng(seed)
    value = np.rint(rng.beta(5, 2, n) * 10_000).astype(int)
    return value, rng.random(n) < (value / 10_000) ** power


def log_odds(value):
    return special.logit(np.clip(value / 10_000, 5e-5, 1 - 5e-5))


def test_isotonic__against_scikit_learn__agrees_everywhere():
    value, success = sample()
    fitted = fit_recalibration(Groups.from_outcomes(value / 10_000, success), "isotonic")
    reference = IsotonicRegression(out_of_bounds="clip").fit(value / 10_000, success).predict(EVERYTHING / 10_000)
    np.testing.assert_allclose(recalibrated(fitted, EVERYTHING), reference, rtol=0, atol=1e-12)


def test_logistic__against_scikit_learns_platt_scaling__agrees():
    value, success = sample()
    fitted = fit_recalibration(Groups.from_outcomes(value / 10_000, success), "logistic")
    reference = _SigmoidCalibration().fit(log_odds(value), success).predict(log_odds(EVERYTHING))
    # scikit-learn's optimiser stops at a gradient of about 1e-6.
    np.testing.assert_allclose(recalibrated(fitted, EVERYTHING), reference, rtol=0, atol=1e-5)


@pytest.mark.parametrize("seed", [87, 122, 243, 267])
def test_logistic__a_few_stated_confidences__agrees_with_statsmodels_to_nine_digits(seed):
    # Seeds at which the loss does not change any more, in floating point, before the coefficients have settled.
    rng = np.random.default_rng(seed)
    stated = np.array([0, 1000, 2500, 5000, 6000, 7000, 7500, 8000, 8500, 9000, 9500, 9800, 9900, 9990, 10000])
    value = np.sort(rng.choice(stated, 6, replace=False))
    n, rate = rng.integers(1, 3_000, 6), rng.uniform(0.2, 1, 6)
    drawn = Groups.from_arrays(value / 10_000, n, rng.binomial(n, rate))
    won, lost = drawn.succeeded, drawn.labelled - drawn.succeeded
    target = (drawn.successes * (won + 1) / (won + 2) + drawn.failures / (lost + 2)) / n
    design = np.column_stack([log_odds(value), np.ones(6)])
    reference = GLM(target, design, family=Binomial(), var_weights=n).fit(tol=1e-15, maxiter=100)
    np.testing.assert_allclose(fit_recalibration(drawn, "logistic").coefficients, reference.params, rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", ["logistic", "beta"])
@pytest.mark.parametrize("power", [0.4, 2.0])
def test_fit__against_a_general_optimiser__has_no_gradient_left(kind, power):
    value, success = sample(power=power)
    fitted = fit_recalibration(Groups.from_outcomes(value / 10_000, success), kind)
    clipped = np.clip(value / 10_000, 5e-5, 1 - 5e-5)
    columns = [special.logit(clipped)] if kind == "logistic" else [np.log(clipped), -np.log1p(-clipped)]
    design = np.column_stack([*columns, np.ones(len(value))])
    s, f = success.sum(), (~success).sum()
    target = np.where(success, (s + 1) / (s + 2), 1 / (f + 2))

    def loss(beta):
        odds = design @ beta
        return np.sum(np.logaddexp(0, odds) - target * odds)

    def gradient(beta):
        return design.T @ (special.expit(design @ beta) - target)

    bounds = [(0, None)] * (design.shape[1] - 1) + [(None, None)]
    reference = optimize.minimize(loss, np.ones(design.shape[1]), jac=gradient, bounds=bounds, method="L-BFGS-B")
    assert loss(np.array(fitted.coefficients)) <= reference.fun + 1e-7
    free = np.array(fitted.coefficients) != 0.0
    assert np.max(np.abs(gradient(np.array(fitted.coefficients))[free])) < 1e-12 * len(value)


def test_beta__a_slope_that_would_decrease__is_set_to_zero():
    value = np.array([1000, 3000, 5000, 9000, 9900])
    drawn = Groups.from_arrays(value / 10_000, [200] * 5, [20, 60, 100, 150, 120])
    fitted = fit_recalibration(drawn, "beta")
    assert min(fitted.coefficients[:2]) == 0.0
    assert np.all(np.diff(recalibrated(fitted, EVERYTHING)) >= 0)
    reversed_curve = Groups.from_arrays(value / 10_000, [200] * 5, [190, 150, 100, 60, 20])
    flat = fit_recalibration(reversed_curve, "beta")
    assert flat.coefficients[:2] == (0.0, 0.0)
    # Platt's targets pull the rate of .52 by less than one decision in a thousand.
    assert recalibrated(flat, np.array([5000]))[0] == pytest.approx(0.52, abs=1e-3)


@pytest.mark.parametrize("kind", ["isotonic", "logistic", "beta"])
@settings(max_examples=40, deadline=None)
@given(drawn=groups())
def test_maps__any_groups__stay_within_bounds(kind, drawn):
    fitted = fit_recalibration(drawn, kind)
    if fitted.reason is None:
        mapped = recalibrated(fitted, EVERYTHING)
        assert np.all((mapped >= 0.0) & (mapped <= 1.0))
        if kind != "logistic":
            assert np.all(np.diff(mapped) >= -1e-12)


@pytest.mark.parametrize("kind", ["isotonic", "logistic", "beta"])
def test_maps__separated_outcomes__stay_finite(kind):
    fitted = fit_recalibration(Groups.from_arrays([0.2, 0.9], [50, 50], [0, 50]), kind)
    mapped = recalibrated(fitted, np.array([2000, 9000]))
    assert 0.0 <= mapped[0] < 0.05 < 0.95 < mapped[1] <= 1.0


@pytest.mark.parametrize("kind", ["isotonic", "logistic", "beta"])
def test_maps__too_little_to_fit__have_a_reason(kind):
    assert fit_recalibration(Groups.empty(), kind).reason == "no labelled decision"
    one = fit_recalibration(Groups.from_arrays([0.9, 0.5], [10, 0], [8, 0]), kind)
    assert one.reason == "a curve needs at least two distinct confidences with labels"
    with pytest.raises(ValueError, match="was not fitted"):
        recalibrated(one, EVERYTHING)


def test_maps__unknown_kind__is_refused():
    with pytest.raises(ValueError, match="isotonic, logistic, beta"):
        fit_recalibration(Groups.empty(), "spline")
