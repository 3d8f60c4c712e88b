"""One calibration run: read the evidence in one snapshot, compute findings from its counts, store and propose."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Unpack

from django.db import transaction
from django.utils import timezone

from calibration.evidence.lead_context import BudgetEvidence
from calibration.evidence.reading import KeyEvidence
from calibration.findings.budgets import find_budgets
from calibration.findings.comparison import since_last_run
from calibration.findings.finding import Finding
from calibration.findings.label_wording import LABELS_TAKEN_AS_RIGHT
from calibration.findings.thresholds import find
from calibration.models import ConfidenceCalibrationRun
from calibration.parameters import CalibrationParameters, Question, parameters_of
from calibration.proposing.proposals import propose_defaults, propose_findings, provenance
from calibration.proposing.recommendations import recommendation_of
from calibration.reviews.judging import Judged, Review, read_and_judge
from calibration.runs.heartbeat import heartbeat
from calibration.runs.readings import Reading
from calibration.runs.snapshot import read_snapshot
from calibration.selectors import COUNTED_IN_METRICS, earlier_counts, needs_bootstrap, previous_output
from calibration.services import complete_run, fail_run, keep_review, report_progress, start_run
from calibration.standing_costs import standing_costs
from calibration.statistics.label_error import label_error
from governance.access.permissions import Person, Verb, require
from governance.models import ConfidencePolicyProposal, Workspace
from governance.workflow.evidence import canonical_json
from ledger.models import LabelSource

Progress = Callable[[float, str], None]
"""Called with the share that is done, 0 to 1, and what is being done."""

READING_SHARE = 0.8
"""Reading takes most of a run's time; the rest is computing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """What was found for one policy key."""

    reading: Reading
    review: Review
    findings: Sequence[Finding]
    context: dict[str, Any]


def run_calibration(
    *,
    workspace: Workspace,
    only_if_due: bool = False,
    actor: Person | None = None,
    progress: Progress | None = None,
    **question: Unpack[Question],
) -> ConfidenceCalibrationRun:
    """Calibrate the policies of a workspace and propose what the evidence bears out.

    Parameters
    ----------
    only_if_due
        Raise `Conflict` when a run lately did what a recurring one does; see `runs_not_due`.
    actor
        The person who asks for it, None for the operator's command.
    **question
        See `Question`.

    Returns
    -------
    ConfidenceCalibrationRun
        The completed run.

    Raises
    ------
    InvalidInput, UnknownPolicyKey
        The parameters make no sense; no run was created. Or what an engine holds does: the run is stored as FAILED.
    PermissionRefused, NotFound
        The actor may not propose in this workspace; the engine is not the workspace's.
    Conflict
        Another run of the workspace is under way, or it is not due: no run was created. Or a policy changed
        meanwhile: the run is stored as FAILED.
    PolicyUnavailable, Unavailable
        A stored policy does not meet its definition; an engine cannot be read. The run is stored as FAILED.
    """
    if actor is not None:
        require(Verb.PROPOSE, actor, workspace)
    parameters = parameters_of(**question)
    run = start_run(workspace=workspace, parameters=parameters, actor=actor, only_if_due=only_if_due)
    carry_out(run, parameters, progress)
    return run


def carry_out(
    run: ConfidenceCalibrationRun, parameters: CalibrationParameters, progress: Progress | None = None
) -> None:
    """Compute what a RUNNING run was started for, store it and propose; raises as `run_calibration`."""
    try:
        _carry_out(run, parameters, progress or (lambda share, text: None))
    except BaseException as error:
        # KeyboardInterrupt too: a run that was stopped by hand must not look alive.
        fail_run(run=run, error=error)
        raise


def _carry_out(run: ConfidenceCalibrationRun, parameters: CalibrationParameters, progress: Progress) -> None:
    labels_as_of = timezone.now()
    judged: list[Judged] = []
    results = []
    steps = len(parameters.policy_keys)
    with heartbeat(lambda share: report_progress(run=run, share=share), f"run {run.pk}") as pulse:

        def tell(share: float, text: str) -> None:
            pulse.share = share
            progress(share, text)

        with read_snapshot():
            kept = standing_costs(run.workspace)
            for place, key in enumerate(parameters.policy_keys):
                tell(READING_SHARE * place / steps, f"reading {key}")
                judged.append(read_and_judge(run.workspace, key, parameters, labels_as_of))
        for place, each in enumerate(judged):
            key = each.reading.policy.definition.key
            tell(READING_SHARE + (1 - READING_SHARE) * place / steps, f"computing {key}")
            with_costs = each.parameters.with_standing_costs(kept.get(key))
            results.append(_compute(run.workspace, each.reading, with_costs, each.review))
    asked = {each.parameters for each in judged}
    with transaction.atomic():
        proposals = (
            []
            if parameters.dry_run
            else [_propose(run.workspace, result, is_alone=len(results) == 1) for result in results]
        )
        # Where all that was found answers one question, that of a review, the run says so.
        _store(run, asked.pop() if len(asked) == 1 else parameters, labels_as_of, results, proposals)
    progress(1.0, "done")


def _compute(workspace: Workspace, reading: Reading, parameters: CalibrationParameters, review: Review) -> _Result:
    policy, evidence = reading.policy, reading.evidence
    context: dict[str, Any] = {
        "policy_key": policy.definition.key,
        "policy_version": policy.version,
        "source": evidence.source if evidence else None,
        "engine": _counted_in(workspace, evidence) if isinstance(evidence, KeyEvidence) else None,
        "segment_by": list(evidence.request.segment_by) if evidence else [],
        "too_young": reading.too_young,
        "parameters": parameters.as_json(),
        "costs": parameters.costs_as_json() if policy.definition.gates_decisions else None,
    }
    if evidence is None:
        return _Result(
            reading=reading, review=review, findings=(), context={**context, "inputs_sha256": None, "review": None}
        )
    error = label_error(reading.known, level=review.delta) if reading.known else None
    known = {"known_answers": asdict(reading.known)} if reading.known else {}
    judged = {"judged": [each.as_json() for each in reading.judged]} if reading.judged else {}
    # Named only where it is another than it always was: the hash of what was found before must stay.
    source = {"labels_from": reading.label_source.value} if reading.label_source is not LabelSource.EVENTS else {}
    inputs = evidence.sha256({**context["parameters"], "config": policy.config.as_json(), **known, **source, **judged})
    previous = previous_output(workspace, policy.definition.key, other_than=inputs)
    found = (
        find_budgets(evidence, policy, parameters, review=review)
        if isinstance(evidence, BudgetEvidence)
        else find(
            evidence,
            policy,
            parameters,
            review=review,
            configs_in_window=reading.configs,
            label_source=reading.label_source,
            label_error=error,
            judged=reading.judged,
        )
    )
    if reading.known and not error:
        found = [replace(each, explanation=f"{each.explanation} {LABELS_TAKEN_AS_RIGHT}") for each in found]
    return _Result(
        reading=reading,
        review=review,
        findings=[replace(finding, since_last_run=since_last_run(finding, previous)) for finding in found],
        context={
            **context,
            "inputs_sha256": inputs,
            "review": review.as_json(),
            "label_error": asdict(error) if error else None,
        },
    )


def _counted_in(workspace: Workspace, evidence: KeyEvidence) -> dict[str, Any] | None:
    """Where the counts come from, and which run was told other counts by the same statement."""
    counted_in = evidence.counted_in
    if counted_in is None:
        return None
    earlier = earlier_counts(workspace, evidence.policy_key, counted_in.statement_sha256)
    is_other = earlier is not None and earlier.counts_sha256 != counted_in.counts_sha256
    return {**asdict(counted_in), "otherwise_in_run": earlier.run_id if earlier and is_other else None}


def _propose(workspace: Workspace, result: _Result, *, is_alone: bool) -> ConfidencePolicyProposal | None:
    """Propose what was found, else the defaults of a policy that is in use or that alone was asked for."""
    policy = result.reading.policy
    proposal = propose_findings(workspace=workspace, policy=policy, findings=result.findings, context=result.context)
    is_wanted = is_alone or bool(result.findings)
    if proposal is None and is_wanted and needs_bootstrap(workspace, policy.definition.key):
        return propose_defaults(workspace=workspace, definition=policy.definition)
    return proposal


def _store(
    run: ConfidenceCalibrationRun,
    parameters: CalibrationParameters,
    labels_as_of: datetime,
    results: Sequence[_Result],
    proposals: Sequence[ConfidencePolicyProposal | None],
) -> None:
    by_key = {proposal.policy_key: proposal for proposal in proposals if proposal}
    findings = [finding for result in results for finding in result.findings]
    hashes = {
        result.context["policy_key"]: result.context["inputs_sha256"] for result in results if result.reading.evidence
    }
    complete_run(
        run=run,
        recommendations=[recommendation_of(run, finding, by_key.get(finding.policy_key)) for finding in findings],
        labels_as_of=labels_as_of,
        samples=sum(result.reading.evidence.decisions for result in results if result.reading.evidence),
        proposals_created=len(by_key),
        inputs_sha256=hashlib.sha256(canonical_json(hashes).encode()).hexdigest(),
        metrics={
            "inputs": hashes,
            "counted_in": {
                result.context["policy_key"]: [result.context["engine"][name] for name in COUNTED_IN_METRICS]
                for result in results
                if result.context["engine"]
            },
            "proposals": [proposal.pk for proposal in by_key.values()],
            "findings": [finding.headline().to_json() for finding in findings],
        },
        output=_output(parameters, results),
        window_from=parameters.window_from,
        window_to=parameters.window_to,
        target_failure_rate=parameters.target_failure_rate,
        risk_confidence=parameters.risk_confidence,
        segment_by=list(parameters.segment_by),
        maturity_days=parameters.maturity_days,
        engine=parameters.engine,
    )
    for result in results:
        review = result.review
        if review.on is not None:
            keep_review(run=run, policy_key=result.context["policy_key"], on=review.on, level=review.delta)


def _output(parameters: CalibrationParameters, results: Sequence[_Result]) -> dict[str, Any]:
    return {
        **provenance(),
        "parameters": {
            **parameters.as_json(),
            "dry_run": parameters.dry_run,
            "tighten_only": parameters.tighten_only,
            "costs": asdict(parameters.costs) if parameters.costs else None,
        },
        "policies": [
            {**result.context, "days": _days(result), "findings": [finding.to_json() for finding in result.findings]}
            for result in results
        ],
    }


def _days(result: _Result) -> dict[str, Any] | None:
    """Which days came from the daily counts. A run says so, and no proposal: the evidence is the same either way."""
    evidence = result.reading.evidence
    return evidence.days.as_json() if isinstance(evidence, KeyEvidence) and evidence.days else None
