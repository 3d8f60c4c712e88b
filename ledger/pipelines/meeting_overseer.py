"""The meeting overseer: what it reads in a message, whether its word counts, and what a person said instead.

A message passes stages (`extract`, `gate`, `booking_gate`); each is recorded once for each message.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from confidence_project.foundation.errors import DomainError
from confidence_project.foundation.submissions import Submission
from governance.models import Workspace
from governance.vocabulary import HostId, Identifier, ModelName, Probability, ProviderName, Timestamp
from governance.workspaces.names import WorkspaceNames
from ledger.domains.book import standing_label
from ledger.domains.overseen import NO_ANSWER, OVERSEEN
from ledger.models import DecisionOutcome, DecisionRecord
from ledger.pipelines.gated import GatedRequest, PromptText, Reference, find_decided, gate_once
from ledger.pipelines.prompted import Judgement, judge_by_prompt
from telemetry.contracts import OverrideEnvelope, OverseerDecisionEnvelope
from telemetry.facts import record_overrides
from telemetry.models import MeetingOverseerDecision
from telemetry.prompts import OverseerGateDecision
from telemetry.services import record_overseer_decisions

POLICY_KEY = OVERSEEN.policy_key
PROMPT_KEY = "meeting.overseer.gate.v1"

Stage = MeetingOverseerDecision.Stage


class ReplyToOversee(GatedRequest):
    """A drafted reply in a scheduling conversation. The texts go to the overseer and are not kept."""

    message_ref: Reference
    conversation: PromptText
    draft: PromptText
    availability: PromptText
    case_key: HostId = ""
    model: ModelName = ""


class ExtractedMessage(GatedRequest):
    """What the `extract` stage read in a message."""

    message_ref: Reference
    decision: Identifier
    confidence: Probability | None = None
    provider: ProviderName = ""
    model: ModelName = ""
    prompt_key: Identifier = ""
    created_at: Timestamp | None = None


@dataclass(frozen=True, slots=True)
class OverseerVerdict:
    """`act` True: the overseer's decision counts without a person. False: a person decides."""

    overseen: MeetingOverseerDecision
    decision: DecisionRecord
    created: bool

    @property
    def act(self) -> bool:
        return self.decision.gate_verdict == DecisionRecord.Verdict.ALLOW

    @property
    def reason(self) -> str:
        return self.decision.gate_reason


def stage_id(message_ref: str, stage: str) -> str:
    """Return the external id of a stage's record."""
    return f"{message_ref}:{stage}"


def record_extraction(*, workspace: Workspace, extracted: ExtractedMessage) -> MeetingOverseerDecision:
    """Store what the `extract` stage read; the same again is the same record.

    Raises
    ------
    Conflict
        The stage of this message holds another reading.
    """
    fields = extracted.model_dump(exclude_defaults=True)
    ids = {"external_id": stage_id(extracted.message_ref, Stage.EXTRACT), "stage": Stage.EXTRACT.value}
    item = OverseerDecisionEnvelope.model_validate({**fields, **ids}, context=WorkspaceNames(workspace))
    (result,) = record_overseer_decisions(workspace=workspace, submissions=[Submission.of(item)])
    if isinstance(result, DomainError):
        raise result
    return result.record


def oversee_reply(*, workspace: Workspace, reply: ReplyToOversee) -> OverseerVerdict:
    """Let the overseer judge a drafted reply, gate its judgement, and commit both as the message's `gate` stage.

    Approving, revising and denying are all decisions that may count or not: the gate asks for the confidence in them.

    Raises
    ------
    Conflict
        The stage of this message was decided on another reply, or submitted without the gate.
    InvalidInput
        No model is configured.
    """
    ledger_id = _ledger_id(reply.message_ref)
    known = find_decided(workspace, ledger_id, reply.body_sha256)
    if known is not None:
        return _verdict(workspace, reply.message_ref, known, created=False)
    judgement = judge_by_prompt(
        workspace=workspace,
        policy_key=POLICY_KEY,
        prompt_key=PROMPT_KEY,
        output=OverseerGateDecision,
        variables={
            "conversation": reply.conversation,
            "draft": reply.draft,
            "availability": reply.availability,
        },
        model=reply.model,
    )
    stored = gate_once(
        workspace,
        judgement.payload(confidence=judgement.output.confidence if judgement.output else None),
        ledger_id=ledger_id,
        body_sha256=reply.body_sha256,
        case_key=reply.case_key,
        interaction_id=judgement.interaction_id,
        row=lambda record: _row(workspace, reply, judgement, record),
    )
    return _verdict(workspace, reply.message_ref, stored.record, created=stored.created)


def _row(
    workspace: Workspace, reply: ReplyToOversee, judgement: Judgement[OverseerGateDecision], record: DecisionRecord
) -> MeetingOverseerDecision:
    said = judgement.output
    return MeetingOverseerDecision(
        workspace=workspace,
        external_id=stage_id(reply.message_ref, Stage.GATE),
        body_sha256=reply.body_sha256,
        created_at=record.occurred_at,
        message_ref=reply.message_ref,
        stage=Stage.GATE,
        decision=said.decision.value if said else NO_ANSWER,
        confidence=record.llm_confidence,
        provider=judgement.provider,
        model=judgement.model,
        prompt_key=PROMPT_KEY,
    )


def _ledger_id(message_ref: str) -> str:
    return f"{POLICY_KEY}:{message_ref}"


def _verdict(workspace: Workspace, message_ref: str, decision: DecisionRecord, *, created: bool) -> OverseerVerdict:
    rows = MeetingOverseerDecision.objects.in_workspace(workspace)
    return OverseerVerdict(rows.get(message_ref=message_ref, stage=Stage.GATE), decision, created)


def record_override(
    *,
    workspace: Workspace,
    message_ref: str,
    human_override: str,
    overridden_at: datetime,
    stage: Literal["extract", "gate", "booking_gate"] = "gate",
) -> DecisionOutcome | None:
    """Record what a person decided, the same as the overseer or another; on the `gate` stage it labels the verdict.

    None, and so no label, for another stage.

    Raises
    ------
    NotFound
        The stage of this message is not on record.
    Conflict
        A person decided it already, and otherwise.
    """
    item = OverrideEnvelope(
        external_id=stage_id(message_ref, stage), human_override=human_override, overridden_at=overridden_at
    )
    (result,) = record_overrides(workspace=workspace, submissions=[Submission.of(item)])
    if isinstance(result, DomainError):
        raise result
    return standing_label(result.record)
