"""What one snapshot holds about a policy key: the policy, its evidence, the configs of the window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from calibration.engines.reading import read_from_engine
from calibration.evidence.contract import EvidenceRequest, Stratum
from calibration.evidence.judged import JudgedCounts, read_judged
from calibration.evidence.lead_context import POLICY_KEY as BUDGETS_KEY
from calibration.evidence.lead_context import BudgetEvidence, read_budgets
from calibration.evidence.reading import KeyEvidence, read_evidence
from calibration.evidence.registry import SOURCES, source_for
from calibration.models import EvidenceEngine
from calibration.parameters import PERIODS, CalibrationParameters
from calibration.selectors import configs_in_force
from calibration.statistics.joint import RISK_GRID
from calibration.statistics.label_error import KnownAnswers
from confidence_project.foundation.errors import InvalidInput
from governance.definitions import FieldKind, to_lattice
from governance.models import Workspace
from governance.policies import EffectivePolicy, get_confidence_policy
from governance.policies.config import PolicyConfig
from ledger.labelling.confirming import confirms
from ledger.labelling.figures import known_answers
from ledger.labelling.rules import rules_at
from ledger.models import Judgement, LabellingRules, LabelSource

_CANNOT_TELL = Judgement.Answer.CANNOT_TELL

_Reader = Callable[[EvidenceRequest], KeyEvidence]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the snapshot holds about one policy key.

    Parameters
    ----------
    evidence : KeyEvidence, BudgetEvidence or None
        None: it has nothing to calibrate.
    too_young : int
        Decisions that the maturity lag left out. Where the window holds no evidence, younger ones that came after it
        are counted in.
    known : KnownAnswers or None
        What people answered about known cases of the policy; None where nobody labels in the workbench.
    judged : sequence of JudgedCounts
        What was drawn, by segment, where a judge reads it before people.
    label_source : LabelSource
        Whose labels count: of a review as it was said before its window began.
    """

    policy: EffectivePolicy
    evidence: KeyEvidence | BudgetEvidence | None
    configs: Sequence[PolicyConfig]
    too_young: int = 0
    known: KnownAnswers | None = None
    judged: Sequence[JudgedCounts] = ()
    label_source: LabelSource = LabelSource.EVENTS


def read_policy(
    workspace: Workspace,
    policy_key: str,
    parameters: CalibrationParameters,
    labels_as_of: datetime,
    *,
    received_by: datetime | None = None,
) -> Reading:
    """Read a policy key; call it inside of `read_snapshot`.

    Parameters
    ----------
    received_by
        Of a review: what was received later is not read, and whose labels count stood when its window began.
    """
    policy = get_confidence_policy(workspace, policy_key)
    has_threshold = policy.definition.field_of_kind(FieldKind.CONFIDENCE_THRESHOLD) is not None
    if not has_threshold and policy_key != BUDGETS_KEY:
        return Reading(policy=policy, evidence=None, configs=())
    mature_end = _mature_end(parameters, labels_as_of)
    rules = rules_at(workspace, policy_key, parameters.window_from if received_by else labels_as_of)
    configs = configs_in_force(workspace, policy.definition, parameters.window_from, mature_end)
    request = EvidenceRequest(
        workspace=workspace,
        policy_key=policy_key,
        start=parameters.window_from,
        window_end=parameters.window_to,
        mature_end=mature_end,
        period_starts=tuple(_period_starts(parameters.window_from, mature_end)),
        labels_as_of=labels_as_of,
        received_by=received_by or labels_as_of,
        segment_by=parameters.segment_by_for(policy_key) if has_threshold else (),
        asked_for=frozenset(parameters.segment_by),
        risk_edges=_risk_edges(policy, configs),
        leaves_out_untold=bool(rules.leaves_out_untold) and parameters.engine is None,
    )
    if not has_threshold:
        return Reading(policy=policy, evidence=read_budgets(request), configs=())
    read = _reader(parameters.engine, policy_key)
    evidence = read(request)
    return Reading(
        policy=policy,
        evidence=evidence,
        configs=configs,
        too_young=_too_young(evidence) + _young_after_the_window(read, evidence, parameters),
        known=_known_answers(rules, labels_as_of) if parameters.engine is None else None,
        judged=read_judged(request) if parameters.engine is None and policy_key not in SOURCES.keys else (),
        label_source=LabelSource(rules.label_source or LabelSource.EVENTS),
    )


def _known_answers(rules: LabellingRules, as_of: datetime) -> KnownAnswers | None:
    workspace, policy_key = rules.workspace, rules.policy_key
    counted = known_answers(workspace, policy_key, as_of)
    if counted is None:
        return None
    if rules.leaves_out_untold:
        counted = Counter({each: number for each, number in counted.items() if each[1] != _CANNOT_TELL})
    failures, successes = (sum(n for (truth, _), n in counted.items() if truth is known) for known in (False, True))
    return KnownAnswers(
        failures=failures,
        missed=counted[False, Judgement.Answer.RIGHT],
        successes=successes,
        # Who cannot tell leaves a decision without a label, and unless it is left out that counts as a failure.
        accused=successes - counted[True, Judgement.Answer.RIGHT],
        are_confirmed=confirms(workspace, policy_key, as_of),
    )


def _reader(engine: EvidenceEngine | None, policy_key: str) -> _Reader:
    """Return what counts the decisions of a policy key for a request."""
    if engine is None:
        return partial(read_evidence, source_for(policy_key))
    if policy_key in SOURCES.keys:
        raise InvalidInput(f"The evidence of {policy_key} is in a source of its own, so no engine is read for it.")
    return partial(read_from_engine, engine)


def _too_young(evidence: KeyEvidence) -> int:
    return sum(segment.left_out.get(Stratum.TOO_YOUNG, 0) for segment in evidence.segments)


def _young_after_the_window(read: _Reader, evidence: KeyEvidence, parameters: CalibrationParameters) -> int:
    """Count what came after a window that ends at the last midnight or so, only where there is nothing else."""
    request = evidence.request
    start, now = request.window_end, request.labels_as_of
    if evidence.decisions or not now - parameters.maturity_lag <= start < now:
        return 0
    later = replace(request, start=start, window_end=now, mature_end=start, period_starts=())
    return _too_young(read(later))


def _mature_end(parameters: CalibrationParameters, now: datetime) -> datetime:
    """Where decisions begin to be too young; a window that ends in the future makes none of them older."""
    if not parameters.maturity_days:
        return parameters.window_to
    return min(parameters.window_to, now) - parameters.maturity_lag


def _period_starts(start: datetime, end: datetime) -> Iterator[datetime]:
    for place in range(1, PERIODS):
        yield start + (end - start) * place / PERIODS


def _risk_edges(policy: EffectivePolicy, configs: Sequence[PolicyConfig]) -> tuple[int, ...]:
    """Every risk threshold that may be looked at: the grid, and those that are or were in force for any segment."""
    field = policy.definition.field_of_kind(FieldKind.RISK_THRESHOLD)
    if field is None:
        return ()
    whole = [policy.config, *configs]
    values = [config.values for config in whole] + [each.values for config in whole for each in config.overrides]
    in_force = [each[field.name] for each in values if field.name in each]
    return tuple(sorted({to_lattice(value) for value in (*RISK_GRID, field.default, *in_force)}))
