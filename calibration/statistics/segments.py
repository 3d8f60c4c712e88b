"""Several segments in one proposal: each is tested at its share of delta, so the whole holds at delta."""

from collections.abc import Mapping
from dataclasses import dataclass

from calibration.statistics.checks import check_delta, check_open_unit
from calibration.statistics.fixed_sequence import minimum_sample
from calibration.statistics.groups import Groups
from calibration.statistics.recommendation import ThresholdRecommendation
from calibration.statistics.thresholds import recommend_for_groups


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRecommendations:
    """Recommendations of several segments that hold together.

    Parameters
    ----------
    recommendations : mapping of str to ThresholdRecommendation
        One answer per segment, in the order of the input.
    tested : tuple of str
        Segments that share delta.
    too_small : tuple of str
        Segments that have too few labelled decisions to be tested; they refuse and spend nothing.
    delta : float
        Accepted probability that any of the thresholds fails.
    segment_delta : float
        Share of each tested segment.
    """

    recommendations: Mapping[str, ThresholdRecommendation]
    tested: tuple[str, ...]
    too_small: tuple[str, ...]
    delta: float
    segment_delta: float


def recommend_for_segments(
    segments: Mapping[str, Groups],
    *,
    alpha: float,
    delta: float,
    floors: Mapping[str, float] | None = None,
) -> SegmentRecommendations:
    """Recommend a threshold per segment so that all of them hold together with probability 1 - delta.

    The S largest segments are tested at delta/S each, for the largest S at which each of them could be
    certified at all. That choice looks at the numbers of labelled decisions, never at outcomes.

    Parameters
    ----------
    segments : mapping of str to Groups
        Decisions of each segment.
    alpha, delta
        As for `recommend_threshold`.
    floors : mapping of str to float, optional
        Strictest threshold in force per segment.

    Returns
    -------
    SegmentRecommendations
        One answer per segment.

    Raises
    ------
    ValueError
        When a level is impossible.

    References
    ----------
    Bonferroni's inequality: the probability of any error is at most the sum of their probabilities.
    """
    check_open_unit("alpha", alpha)
    check_delta(delta)
    floor_of = dict(floors or {})
    sizes = {name: _floored(groups, floor_of.get(name)).labelled for name, groups in segments.items()}
    shares = _shares(sorted(sizes.values(), reverse=True), alpha, delta)
    by_size = sorted(sizes, key=lambda name: -sizes[name])
    tested = set(by_size[:shares])

    def answer(name: str) -> ThresholdRecommendation:
        # One share more is what a segment would need to be large enough for to join the others.
        share = delta / (shares if name in tested else shares + 1)
        return recommend_for_groups(segments[name], alpha=alpha, delta=share, floor=floor_of.get(name))

    return SegmentRecommendations(
        recommendations={name: answer(name) for name in segments},
        tested=tuple(name for name in segments if name in tested),
        too_small=tuple(name for name in segments if name not in tested),
        delta=delta,
        segment_delta=delta / max(shares, 1),
    )


def _floored(groups: Groups, floor: float | None) -> Groups:
    return groups if floor is None else groups.allowed_by(floor)


def _shares(descending_sizes: list[int], alpha: float, delta: float) -> int:
    shares = 0
    for count, size in enumerate(descending_sizes, start=1):
        if size >= minimum_sample(alpha, delta / count):
            shares = count
    return shares
