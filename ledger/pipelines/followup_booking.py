"""Follow-up auto-booking: may this meeting be booked without a person? And what became of it?

The host parses the message (prompt `followup.parse_proposed_times.v1`) and looks into its calendar; this pipeline
decides; the host books, or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from django.db.models import QuerySet
from django.utils import timezone
from pydantic import StrictBool

from confidence_project.foundation.errors import Conflict, DomainError
from confidence_project.foundation.submissions import Submission
from governance.models import Workspace
from governance.vocabulary import HostId, ModelName, Probability, ProviderName, Timestamp
from ledger.contracts import DecisionGatePayload, PromptHash
from ledger.domains.book import standing_label
from ledger.domains.bookings import BOOKINGS
from ledger.gate import DecisionGate, GateVerdict
from ledger.models import ConfidenceKind, DecisionOutcome, DecisionRecord
from ledger.pipelines.decisions import gate_over
from ledger.pipelines.gated import GatedRequest, Judged, PromptText, Reference, build_record, commit_once, find_decided
from ledger.pipelines.meeting_overseer import stage_id
from ledger.pipelines.prompted import Judgement, judge_by_prompt
from ledger.reasons import PipelineReason, ReasonCode
from ledger.recording import four_decimals
from telemetry.contracts import BookingOutcomeEnvelope
from telemetry.facts import record_booking_outcomes
from telemetry.models import FollowUpBooking, MeetingOverseerDecision
from telemetry.prompts import BookingDecision, BookingGateDecision

POLICY_KEY = BOOKINGS.policy_key
PROMPT_KEY = "followup.booking.gate.v1"
PARSE_TASK = "followup.parse_proposed_times"

Action = Literal["book", "ask", "hold"]

ASK_REASONS = frozenset({PipelineReason.TIMEZONE_CLARIFICATION_NEEDED, PipelineReason.BOOKING_NEEDS_CLARIFICATION})
"""Blocks that a question could resolve: a follow-up task for a person. Nothing is sent and nothing is booked."""

_REASON_OF_GATE = {
    BookingDecision.APPROVE: None,
    BookingDecision.NEEDS_CLARIFICATION: PipelineReason.BOOKING_NEEDS_CLARIFICATION,
    BookingDecision.DENY: PipelineReason.BOOKING_DENIED,
}


class BookingToDecide(GatedRequest):
    """A proposed meeting: what the parser and the calendar said. The texts go to the booking gate and are not kept."""

    message_ref: Reference
    message: PromptText
    proposed_time: Timestamp
    availability: PromptText
    parse_confidence: Probability
    needs_timezone_clarification: StrictBool
    matched_availability: StrictBool
    provider: ProviderName
    model: ModelName
    prompt_hash: PromptHash | None = None
    case_key: HostId = ""
    gate_model: ModelName = ""


@dataclass(frozen=True, slots=True)
class BookingVerdict:
    """What the host does: `book` the meeting; `ask`, make a follow-up task and send nothing; or `hold`, neither."""

    booking: FollowUpBooking
    decision: DecisionRecord
    created: bool

    @property
    def action(self) -> Action:
        if self.decision.gate_verdict == DecisionRecord.Verdict.ALLOW:
            return "book"
        return "ask" if self.decision.gate_reason in ASK_REASONS else "hold"

    @property
    def reason(self) -> str:
        return self.decision.gate_reason


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    payload: DecisionGatePayload
    verdict: GateVerdict
    gate: DecisionGate


def decide_booking(*, workspace: Workspace, booking: BookingToDecide) -> BookingVerdict:
    """Gate a proposed meeting and commit the verdict with the booking's record; one verdict for each message.

    The order: the workspace's switches, `auto_book_meetings`, a time zone that needs clarification, a match in the
    calendar, the threshold, and then, where the workspace enables it, the booking gate. What the booking gate says
    is stored once for each message, as stage `booking_gate`.

    Raises
    ------
    Conflict
        Another proposal of this message was decided, or one was submitted without the gate.
    InvalidInput
        The booking gate is enabled and no model is configured.
    """
    ledger_id = _ledger_id(booking.message_ref)
    known = find_decided(workspace, ledger_id, booking.body_sha256)
    if known is not None:
        return _verdict(workspace, booking.message_ref, known, created=False)
    stage, against = _consult(workspace, booking)
    new_stages: list[MeetingOverseerDecision] = [stage] if stage is not None and stage.pk is None else []

    def judge() -> Judged:
        judged, must_consult = _judge_now(workspace, booking, against)
        if judged.verdict.allowed and must_consult and stage is None:
            raise Conflict("The switches of the workspace changed while this was decided; ask again.")
        record = build_record(workspace, judged.payload, judged.gate, ledger_id=ledger_id, case_key=booking.case_key)
        for new_stage in new_stages:
            # A first attempt that was rolled back has left its key here.
            new_stage.pk = None
        return record, [_row(workspace, booking, record), *new_stages]

    stored = commit_once(workspace, ledger_id, booking.body_sha256, judge)
    return _verdict(workspace, booking.message_ref, stored.record, created=stored.created)


def _row(workspace: Workspace, booking: BookingToDecide, record: DecisionRecord) -> FollowUpBooking:
    return FollowUpBooking(
        workspace=workspace,
        external_id=booking.message_ref,
        body_sha256=booking.body_sha256,
        created_at=record.occurred_at,
        provider=booking.provider,
        model=booking.model,
        parse_confidence=record.llm_confidence,
        threshold=four_decimals(record.thresholds.get("proposed_times_match_threshold")),
        auto_booked=record.gate_verdict == DecisionRecord.Verdict.ALLOW,
        case_key=booking.case_key,
    )


def _ledger_id(message_ref: str) -> str:
    return f"{POLICY_KEY}:{message_ref}"


def _verdict(workspace: Workspace, message_ref: str, decision: DecisionRecord, *, created: bool) -> BookingVerdict:
    booking = FollowUpBooking.objects.in_workspace(workspace).get(external_id=message_ref)
    return BookingVerdict(booking, decision, created)


def _consult(
    workspace: Workspace, booking: BookingToDecide
) -> tuple[MeetingOverseerDecision | None, ReasonCode | None]:
    """Ask the booking gate, where it is enabled and everything else allows; return what it said and what that means."""
    judged, must_consult = _judge_now(workspace, booking)
    if not judged.verdict.allowed or not must_consult:
        return None, None
    stage = _stage_of(workspace, booking.message_ref).first()
    if stage is None:
        judgement = _ask_booking_gate(workspace, booking)
        if judgement.output is None:
            return None, judgement.failure or PipelineReason.PROMPT_FAILED
        stage = _stage(workspace, booking, judgement, judgement.output)
    return stage, _REASON_OF_GATE[BookingDecision(stage.decision)]


def _judge_now(
    workspace: Workspace, booking: BookingToDecide, against: ReasonCode | None = None
) -> tuple[_Judged, bool]:
    """Return the verdict as of now, and whether the workspace wants the booking gate to be asked."""
    must_consult = Workspace.objects.values_list("booking_gate_enabled", flat=True).get(pk=workspace.pk)
    gate = gate_over(workspace, POLICY_KEY)
    payload = DecisionGatePayload(
        policy_key=POLICY_KEY,
        stated_confidence=booking.parse_confidence,
        action_type="book",
        provider=booking.provider,
        model=booking.model,
        prompt_hash=booking.prompt_hash or "",
        confidence_kind=ConfidenceKind.SELF_REPORTED.value,
        task=PARSE_TASK,
        precheck=_standing_against(booking) or against,
    )
    verdict = gate.evaluate(payload, case_key=booking.case_key)
    return _Judged(payload=payload, verdict=verdict, gate=gate), must_consult


def _standing_against(booking: BookingToDecide) -> PipelineReason | None:
    if booking.needs_timezone_clarification:
        return PipelineReason.TIMEZONE_CLARIFICATION_NEEDED
    return None if booking.matched_availability else PipelineReason.AVAILABILITY_NOT_MATCHED


def _stage_of(workspace: Workspace, message_ref: str) -> QuerySet[MeetingOverseerDecision]:
    rows: QuerySet[MeetingOverseerDecision] = MeetingOverseerDecision.objects.in_workspace(workspace)
    return rows.filter(message_ref=message_ref, stage=MeetingOverseerDecision.Stage.BOOKING_GATE)


def _ask_booking_gate(workspace: Workspace, booking: BookingToDecide) -> Judgement[BookingGateDecision]:
    return judge_by_prompt(
        workspace=workspace,
        policy_key=POLICY_KEY,
        prompt_key=PROMPT_KEY,
        output=BookingGateDecision,
        variables={
            "proposed_time": booking.proposed_time.isoformat(),
            "message": booking.message,
            "availability": booking.availability,
        },
        model=booking.gate_model,
        metadata={
            "followupParse": {
                "confidence": booking.parse_confidence,
                "needsTimezoneClarification": booking.needs_timezone_clarification,
                "matchedAvailability": booking.matched_availability,
            }
        },
    )


def _stage(
    workspace: Workspace,
    booking: BookingToDecide,
    judgement: Judgement[BookingGateDecision],
    said: BookingGateDecision,
) -> MeetingOverseerDecision:
    """Return the unsaved stage that holds what the booking gate said."""
    return MeetingOverseerDecision(
        workspace=workspace,
        external_id=stage_id(booking.message_ref, MeetingOverseerDecision.Stage.BOOKING_GATE),
        body_sha256=booking.body_sha256,
        created_at=timezone.now(),
        message_ref=booking.message_ref,
        stage=MeetingOverseerDecision.Stage.BOOKING_GATE,
        decision=said.decision.value,
        confidence=four_decimals(said.confidence),
        provider=judgement.provider,
        model=judgement.model,
        prompt_key=PROMPT_KEY,
    )


def record_booking_outcome(*, workspace: Workspace, outcome: BookingOutcomeEnvelope) -> DecisionOutcome | None:
    """Record what became of a booking, which labels its decision; `outcome.external_id` is the message's reference.

    `CONFIDENCE_BOOKING_OUTCOMES` says which outcomes are successes and which failures; one in neither list gives None.

    Raises
    ------
    NotFound
        No such booking.
    Conflict
        Another outcome is on record; the first one stays.
    """
    (result,) = record_booking_outcomes(workspace=workspace, submissions=[Submission.of(outcome)])
    if isinstance(result, DomainError):
        raise result
    return standing_label(result.record)
