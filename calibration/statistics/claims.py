"""What an answer certifies: one sentence for each way to a threshold, and no other words may be used for it.

Each says of which decisions it speaks, which failure rate they keep below, with which probability that is wrong, and
what it takes for granted.
"""

from typing import Literal

from calibration.statistics.audits import AuditedRecommendation
from calibration.statistics.bands import BandRecommendation
from calibration.statistics.budgets import BudgetRecommendation
from calibration.statistics.draws import DrawnRecommendation
from calibration.statistics.joint import JointRecommendation
from calibration.statistics.judges import JudgedRecommendation
from calibration.statistics.recommendation import ThresholdRecommendation

Unit = Literal["decisions", "cases, their first decision"]
"""What was counted once."""


def certified_statement(
    recommendation: ThresholdRecommendation, *, risk_in_force: float | None = None, unit: Unit = "decisions"
) -> str | None:
    """Say what a walk certifies.

    Parameters
    ----------
    recommendation : ThresholdRecommendation
        A recommendation or a refusal.
    risk_in_force : float, optional
        The risk threshold that its decisions passed, which stays as it is.
    unit : {"decisions", "cases, their first decision"}
        What was counted once.

    Returns
    -------
    str or None
        The statement; None for a refusal, which certifies nothing.
    """
    if recommendation.threshold is None:
        return None
    claim = _claim(
        of=_named(unit),
        threshold=recommendation.threshold,
        risk=risk_in_force,
        alpha=recommendation.alpha,
        delta=recommendation.delta,
        given="independent outcomes",
    )
    return claim + _risk_stays(risk_in_force)


def certified_pair_statement(recommendation: JointRecommendation, *, unit: Unit = "decisions") -> str | None:
    """Say what a pair of thresholds certifies.

    The pair was chosen among all of the grid, so it is wrong with the probability that any of them is: their levels
    together, not the level of the one that was chosen.

    Parameters
    ----------
    recommendation : JointRecommendation
        A pair or a refusal.
    unit : {"decisions", "cases, their first decision"}
        What was counted once.

    Returns
    -------
    str or None
        The statement; None for a refusal.
    """
    if recommendation.confidence_threshold is None:
        return None
    tried = len(recommendation.grid)
    claim = _claim(
        of=_named(unit),
        threshold=recommendation.confidence_threshold,
        risk=recommendation.risk_threshold,
        alpha=recommendation.grid[0][1].alpha,
        delta=recommendation.grid_delta * tried,
        given="independent outcomes",
    )
    return f"{claim} That counts the choice among {tried} risk thresholds."


def certified_band_statement(
    recommendation: BandRecommendation, *, risk_in_force: float | None = None, unit: Unit = "decisions"
) -> str | None:
    """Say what a search for a band certifies: a band, or a threshold without an upper bound.

    Either is wrong with the probability that any of both is: delta as a whole.

    Parameters
    ----------
    recommendation : BandRecommendation
        A band, a threshold or a refusal.
    risk_in_force : float, optional
        The risk threshold that its decisions passed, which stays as it is.
    unit : {"decisions", "cases, their first decision"}
        What was counted once.

    Returns
    -------
    str or None
        The statement; None for a refusal.
    """
    if recommendation.threshold is None:
        return None
    claim = _claim(
        of=_named(unit),
        threshold=recommendation.threshold,
        ceiling=recommendation.ceiling,
        risk=risk_in_force,
        alpha=recommendation.alpha,
        delta=recommendation.delta,
        given="independent outcomes",
    )
    return f"{claim} That counts the choice between a threshold and a band.{_risk_stays(risk_in_force)}"


def certified_audit_statement(
    recommendation: AuditedRecommendation,
    *,
    in_force: float,
    risk_in_force: float | None = None,
    unit: Unit = "decisions",
) -> str | None:
    """Say what an answer with audits certifies: below the threshold in force more has to be taken for granted.

    Parameters
    ----------
    recommendation : AuditedRecommendation
        An answer of `recommend_with_audits` for confidences.
    in_force : float
        The strictest threshold in force in the cohort.
    risk_in_force : float, optional
        The risk threshold that its decisions passed, which stays as it is: no other was looked at.
    unit : {"decisions", "cases, their first decision"}
        What was counted once.

    Returns
    -------
    str or None
        The statement; None for a refusal.
    """
    threshold = recommendation.threshold
    if threshold is None or threshold >= in_force:
        return certified_statement(recommendation.above, risk_in_force=risk_in_force, unit=unit)
    claim = _claim(
        of=_named(unit, labelled="", end=" labelled or not,"),
        threshold=threshold,
        risk=risk_in_force,
        alpha=recommendation.above.alpha,
        delta=recommendation.above.delta,
        given=f"independent outcomes, audits below {in_force:.4f} drawn at random at the rates on record, and that "
        "within each stratum of confidence the labels are a random sample",
    )
    return claim + _risk_stays(risk_in_force)


def certified_draws_statement(
    recommendation: DrawnRecommendation, *, risk_in_force: float | None = None, unit: Unit = "decisions"
) -> str | None:
    """Say what drawn decisions certify: of all decisions, drawn or not.

    Parameters
    ----------
    recommendation : DrawnRecommendation
        A threshold or a refusal.
    risk_in_force : float, optional
        The risk threshold that its decisions passed, which stays as it is: no other was looked at.
    unit : {"decisions", "cases, their first decision"}
        What was counted once.

    Returns
    -------
    str or None
        The statement; None for a refusal.
    """
    if recommendation.threshold is None:
        return None
    claim = _claim(
        of=_named(unit, labelled="", end=" drawn or not,"),
        threshold=recommendation.threshold,
        risk=risk_in_force,
        alpha=recommendation.alpha,
        delta=recommendation.delta,
        given="independent outcomes, and that decisions were drawn at random at the rates on record",
    )
    return claim + _risk_stays(risk_in_force)


def certified_judge_statement(recommendation: JudgedRecommendation) -> str | None:
    """Say what labels certify that people gave by a judge's verdicts.

    Parameters
    ----------
    recommendation : JudgedRecommendation
        A recommendation or a refusal.

    Returns
    -------
    str or None
        The statement; None for a refusal.
    """
    if recommendation.threshold is None:
        return None
    return _claim(
        of="decisions that were drawn for people, one of each case and labelled or not,",
        threshold=recommendation.threshold,
        risk=None,
        alpha=recommendation.alpha,
        delta=recommendation.delta,
        given="independent outcomes, and that people label all that a judge does not call right and a random share of "
        f"{recommendation.share:g} of what it calls right",
    )


def certified_budget_statement(recommendation: BudgetRecommendation) -> str | None:
    """Say what a token budget certifies.

    Parameters
    ----------
    recommendation : BudgetRecommendation
        A budget or a refusal.

    Returns
    -------
    str or None
        The statement; None for a refusal.
    """
    if recommendation.budget is None:
        return None
    return (
        f"Given independent bundles, the probability that a bundle needs more than {recommendation.budget:,} tokens "
        f"exceeds {recommendation.target:g} with probability at most {recommendation.delta:.4g}."
    )


def _claim(
    *,
    of: str,
    threshold: float,
    risk: float | None,
    alpha: float,
    delta: float,
    given: str,
    ceiling: float | None = None,
) -> str:
    where = f"at or above {threshold:.4f}" if ceiling is None else f"from {threshold:.4f} to {ceiling:.4f}"
    observed, passed = "confidences", "passed the other checks of the gate and"
    if risk is not None:
        observed = "confidences and risk scores"
        passed = f"passed the other checks of the gate, have a risk below {risk:.4f} and"
    return (
        f"Conditional on the observed {observed} and for any reliability curve, the mean true failure probability of "
        f"the {of} of the cohort that {passed} lie {where} exceeds {alpha:g} with probability at "
        f"most {delta:.4g}, given {given}."
    )


def _named(unit: Unit, *, labelled: str = "labelled ", end: str = "") -> str:
    if unit == "decisions":
        return f"{labelled}decisions" + ("," if end else "") + end
    return f"first decisions of the {labelled}cases" + ("," if end else "") + end


def _risk_stays(risk_in_force: float | None) -> str:
    return "" if risk_in_force is None else " Only the risk threshold in force was looked at."
