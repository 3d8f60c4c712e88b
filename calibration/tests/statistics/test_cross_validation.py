import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.statistics.cross_validation import cross_validated_gains, random_folds
from calibration.statistics.groups import Groups
from calibration.statistics.recalibration import fit_recalibration, recalibrated
from calibration.statistics.scores import brier_score, log_loss

from .strategies import as_tuple, groups


def sample(n=4000, power=2.5, seed=1):
    rng = np.random.default_rng(seed)
    value = np.rint(rng.beta(5, 2, n) * 10_000).astype(int)
    return Groups.from_outcomes(value / 10_000, rng.random(n) < (value / 10_000) ** power)


@settings(max_examples=40, deadline=None)
@given(groups(unlabelled=True), st.integers(2, 7), st.integers(0, 5))
def test_random_folds__any_groups__add_up_to_the_labelled_decisions(drawn, folds, seed):
    parts = random_folds(drawn, folds=folds, seed=seed)
    labelled = Groups(value=drawn.value, n=drawn.n, successes=drawn.successes, total=drawn.n)
    assert len(parts) == folds
    assert as_tuple(Groups.merge(parts)) == as_tuple(labelled)


def test_random_folds__same_seed__repeats():
    one, two, other = (random_folds(sample(), seed=seed) for seed in (1, 1, 2))
    assert list(map(as_tuple, one)) == list(map(as_tuple, two))
    assert list(map(as_tuple, one)) != list(map(as_tuple, other))


@pytest.mark.parametrize("kind", ["isotonic", "logistic", "beta"])
def test_gain__against_scoring_each_fold_by_hand__agrees(kind):
    folds = random_folds(sample(), folds=3)
    (gain,) = cross_validated_gains(folds, [kind])
    squares = nats = n = 0.0
    for i, fold in enumerate(folds):
        fitted = fit_recalibration(Groups.merge(folds[:i] + folds[i + 1 :]), kind)
        forecast = recalibrated(fitted, fold.value)
        kept = np.clip(forecast, 5e-5, 1 - 5e-5)
        squares += np.sum(fold.successes * (1 - forecast) ** 2 + fold.failures * forecast**2)
        nats -= np.sum(fold.successes * np.log(kept) + fold.failures * np.log(1 - kept))
        n += fold.labelled
    assert gain.brier_after == pytest.approx(squares / n, abs=1e-12)
    assert gain.log_loss_after == pytest.approx(nats / n, abs=1e-12)
    assert gain.brier_before == pytest.approx(brier_score(sample()).score, abs=1e-12)
    assert gain.log_loss_before == pytest.approx(log_loss(sample()).score, abs=1e-12)
    assert gain.brier_gain == pytest.approx(gain.brier_before - gain.brier_after, abs=1e-15)
    assert gain.log_loss_gain == pytest.approx(gain.log_loss_before - gain.log_loss_after, abs=1e-15)


def test_gain__overconfident_model__every_map_helps():
    for gain in cross_validated_gains(random_folds(sample())):
        assert gain.brier_gain > 0.01
        assert gain.log_loss_gain > 0.01


def test_gain__calibrated_model__no_map_seems_to_help_much():
    for gain in cross_validated_gains(random_folds(sample(power=1.0))):
        assert gain.brier_gain < 0.002


def test_gain__folds_that_cannot_be_fitted__are_none_with_a_reason():
    one = Groups.from_arrays([0.9], [10], [8])
    for gain in cross_validated_gains([one, one]):
        assert (gain.brier_gain, gain.log_loss_after, gain.n) == (None, None, 20)
        assert gain.reason == "a curve needs at least two distinct confidences with labels"
    assert cross_validated_gains([Groups.empty()] * 2)[0].reason == "no labelled decision"


def test_gain__impossible_folds__are_refused():
    with pytest.raises(ValueError, match="at least 2"):
        cross_validated_gains([sample()])
    with pytest.raises(ValueError, match="at least 2"):
        random_folds(sample(), folds=1)
