import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from calibration.statistics.calibration_error import calibration_error
from calibration.statistics.groups import Groups
from calibration.statistics.scores import auroc, brier_score, confidence_bias, log_loss

from .strategies import labelled_groups, split, to_rows


def columns(drawn):
    rows = to_rows(drawn)
    return np.array([v for v, _ in rows]) / 10_000, np.array([good for _, good in rows])


@settings(max_examples=60, deadline=None)
@given(labelled_groups())
def test_brier__against_scikit_learn__agrees_and_its_parts_add_up(drawn):
    confidence, success = columns(drawn)
    brier = brier_score(drawn)
    assert brier.score == pytest.approx(metrics.brier_score_loss(success, confidence, labels=[0, 1]), abs=1e-12)
    assert brier.reliability - brier.resolution + brier.uncertainty == pytest.approx(brier.score, abs=1e-12)


def test_brier__by_hand__has_murphys_parts():
    # 10 at .9 with 8 successes, 10 at .4 with 2: overall rate .5.
    brier = brier_score(Groups.from_arrays([0.9, 0.4], [10, 10], [8, 2]))
    assert brier.reliability == pytest.approx((0.1**2 + 0.2**2) / 2, abs=1e-15)
    assert brier.resolution == pytest.approx(0.3**2, abs=1e-15)
    assert brier.uncertainty == 0.25
    assert brier.score == pytest.approx((8 * 0.01 + 2 * 0.81 + 2 * 0.36 + 8 * 0.16) / 20, abs=1e-15)


@settings(max_examples=60, deadline=None)
@given(labelled_groups(), st.sampled_from([1e-6, 5e-5, 0.01]))
def test_log_loss__against_scikit_learn__agrees(drawn, clip):
    confidence, success = columns(drawn)
    reference = metrics.log_loss(success, np.clip(confidence, clip, 1 - clip), labels=[False, True])
    assert log_loss(drawn, clip=clip).score == pytest.approx(reference, abs=1e-9)


def test_log_loss__a_failure_at_full_confidence__is_reported_as_a_matter_of_the_clip():
    loss = log_loss(Groups.from_arrays([1.0, 0.0, 0.5], [10, 4, 2], [9, 1, 1]))
    assert (loss.clip, loss.clipped_errors) == (0.00005, 2)
    assert log_loss(Groups.from_arrays([0.9999], [10], [9])).clipped_errors == 0


@settings(max_examples=60, deadline=None)
@given(labelled_groups().filter(lambda drawn: 0 < drawn.succeeded < drawn.labelled))
def test_auroc__against_scikit_learn__agrees(drawn):
    confidence, success = columns(drawn)
    assert auroc(drawn).score == pytest.approx(metrics.roc_auc_score(success, confidence), abs=1e-12)


@pytest.mark.parametrize("successes", [0, 5])
def test_auroc__one_class__is_none_with_a_reason(successes):
    area = auroc(Groups.from_arrays([0.9], [5], [successes]))
    assert (area.score, area.reason) == (None, "only one kind of outcome among the labelled decisions")


def test_auroc__all_tied__is_one_half():
    assert auroc(Groups.from_arrays([0.9], [5], [2])).score == 0.5


def test_auroc__perfect_and_reversed__are_one_and_zero():
    assert auroc(Groups.from_arrays([0.9, 0.1], [5, 5], [5, 0])).score == 1.0
    assert auroc(Groups.from_arrays([0.9, 0.1], [5, 5], [0, 5])).score == 0.0


def test_auroc__more_pairs_than_64_bits_hold__does_not_overflow():
    billions = 4 * 10**9
    area = auroc(Groups.from_arrays([0.9, 0.1], [2 * billions, 2 * billions], [billions, billions]))
    assert area.score == pytest.approx(0.5, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(labelled_groups(), st.integers(1, 20))
def test_bias__any_groups__adds_up_to_the_ece(drawn, bins):
    bias = confidence_bias(drawn, bins=bins)
    assert bias.over + bias.under == pytest.approx(calibration_error(drawn, bins=bins).ece, abs=1e-12)
    assert bias.over - bias.under == pytest.approx(bias.net, abs=1e-12)
    assert bias.net == pytest.approx(bias.mean_confidence - bias.success_rate, abs=1e-12)


def test_bias__by_hand__separates_over_from_under():
    bias = confidence_bias(Groups.from_arrays([0.95, 0.55], [8, 2], [6, 2]))
    assert (bias.over, bias.under) == (pytest.approx(0.16, abs=1e-15), pytest.approx(0.09, abs=1e-15))


@pytest.mark.parametrize("score", [brier_score, log_loss, auroc, confidence_bias])
@settings(max_examples=25, deadline=None)
@given(drawn=labelled_groups(), share=st.integers(0, 100))
def test_scores__window_split_and_added_up__are_the_same(score, drawn, share):
    assert score(Groups.merge(split(drawn, share))) == score(drawn)


@pytest.mark.parametrize("drawn", [Groups.empty(), Groups.from_arrays([0.5], [0], [0], [4])])
def test_scores__no_labels__are_none_with_a_reason(drawn):
    assert brier_score(drawn).score is None
    assert log_loss(drawn).score is None
    assert auroc(drawn).score is None
    assert confidence_bias(drawn).net is None
    for score in (brier_score, log_loss, auroc, confidence_bias):
        assert score(drawn).reason == "no labelled decision"


@pytest.mark.parametrize("clip", [0.0, 0.5, -1.0, float("nan")])
def test_log_loss__impossible_clip__is_refused(clip):
    with pytest.raises(ValueError, match=r"between 0 and 0\.5"):
        log_loss(Groups.empty(), clip=clip)
