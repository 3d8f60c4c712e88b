"""What is counted once in a certificate: decisions, or cases by their first decision, beside the rate of all."""

from dataclasses import dataclass
from typing import Literal

from scipy import stats

from calibration.statistics.checks import check_open_unit
from calibration.statistics.intervals import clopper_pearson

Unit = Literal["decisions", "cases, their first decision"]

DIFFERS_BELOW = 0.01
"""P-value below which first and later decisions are said to fail at different rates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertifiedUnit:
    """The unit that a certificate speaks of, and the plain rate of all decisions beside it.

    Parameters
    ----------
    unit : {"decisions", "cases, their first decision"}
        What is certified: cases where any case has a second labelled decision.
    labelled, failures : int
        Units with a label, and failures among them.
    failure_rate : float or None
        Failures per labelled unit; None without any.
    all_labelled, all_failures : int
        All decisions with a label, and failures among them.
    all_failure_rate : float or None
        Failures per labelled decision; None without any.
    interval : tuple of float or None
        Clopper and Pearson's 95 % interval of that rate, as if all decisions were independent: to look at.
    p_value : float or None
        Fisher's exact test of the first decisions against the later ones, two-sided; None without later ones.
    differs : bool
        Whether the p-value is below 0.01: a warning.
    exceeds : bool
        Whether more than alpha of all decisions failed: to be said first, whatever is certified of the units.
    """

    unit: Unit
    labelled: int
    failures: int
    failure_rate: float | None
    all_labelled: int
    all_failures: int
    all_failure_rate: float | None
    interval: tuple[float, float] | None
    p_value: float | None
    differs: bool
    exceeds: bool


def certified_unit(
    labelled: int, failures: int, *, all_labelled: int, all_failures: int, alpha: float
) -> CertifiedUnit:
    """Name the unit of a certificate and compare it with all decisions.

    Parameters
    ----------
    labelled, failures : int
        First decisions of the cases with a label, and failures among them.
    all_labelled, all_failures : int
        All decisions with a label, the first ones included, and failures among them.
    alpha : float
        Failure rate to stay below, in (0, 1).

    Returns
    -------
    CertifiedUnit
        Both rates, and whether they differ.

    Raises
    ------
    ValueError
        When alpha is outside (0, 1) or the counts contradict each other.

    References
    ----------
    Fisher (1935), "The logic of inductive inference". Clopper and Pearson (1934).
    """
    check_open_unit("alpha", alpha)
    later, later_lost = all_labelled - labelled, all_failures - failures
    if not (0 <= failures <= labelled and 0 <= later_lost <= later):
        raise ValueError("counts must be those of first decisions among those of all decisions.")
    p_value = None
    if later and labelled:
        table = [[failures, labelled - failures], [later_lost, later - later_lost]]
        p_value = float(stats.fisher_exact(table).pvalue)
    low, high = clopper_pearson([all_failures], [all_labelled])
    return CertifiedUnit(
        unit="cases, their first decision" if later else "decisions",
        labelled=labelled,
        failures=failures,
        failure_rate=failures / labelled if labelled else None,
        all_labelled=all_labelled,
        all_failures=all_failures,
        all_failure_rate=all_failures / all_labelled if all_labelled else None,
        interval=(float(low[0]), float(high[0])) if all_labelled else None,
        p_value=p_value,
        differs=p_value is not None and p_value < DIFFERS_BELOW,
        exceeds=all_failures > alpha * all_labelled,
    )
