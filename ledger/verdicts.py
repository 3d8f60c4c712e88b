"""From a record of telemetry to the verdicts that the ledger holds about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ledger.models import DecisionExternalId, DecisionRecord
from ledger.pipelines import auto_send, followup_booking, meeting_overseer
from telemetry.models import (
    AIDraft,
    AIInteraction,
    FollowUpBooking,
    HostRecord,
    InboundMessage,
    MeetingOverseerDecision,
)
from telemetry.verdicts import Verdict

Stage = MeetingOverseerDecision.Stage

MOST_VERDICTS = 500
"""No more verdicts than this are looked up at once: a call may have served many decisions."""


def verdicts_on_records(records: Sequence[HostRecord]) -> Mapping[int, Sequence[Verdict]]:
    """Return the verdicts on records of one kind, each in its own workspace, by primary key: at most two queries.

    An interaction has those that rest on it. A draft, a reply, an overseer's decision and a booking have the one that
    a pipeline recorded under their id, when it was a pipeline that judged them.
    """
    if isinstance(records[0], AIInteraction):
        return _resting_on(records)
    keys_of: dict[tuple[int, str], list[int]] = defaultdict(list)
    for record in records:
        ledger_id = _ledger_id(record)
        if ledger_id:
            keys_of[record.workspace_id, ledger_id].append(record.pk)
    names = DecisionExternalId.objects.filter(
        workspace_id__in={workspace for workspace, _ in keys_of}, external_id__in={name for _, name in keys_of}
    )
    keys = {name.decision_id: keys_of.get((name.workspace_id, name.external_id), []) for name in names}
    decisions = DecisionRecord.objects.filter(pk__in=keys)
    return _grouped((key, decision) for decision in decisions for key in keys[decision.pk])


def _resting_on(interactions: Sequence[HostRecord]) -> Mapping[int, Sequence[Verdict]]:
    decisions = DecisionRecord.objects.filter(
        workspace_id__in={interaction.workspace_id for interaction in interactions},
        interaction_id__in=[interaction.pk for interaction in interactions],
    )[:MOST_VERDICTS]
    return _grouped((decision.interaction_id, decision) for decision in decisions if decision.interaction_id)


def _ledger_id(record: HostRecord) -> str:
    if isinstance(record, InboundMessage):
        record = record.draft
    match record:
        case AIDraft():
            return f"{auto_send.POLICY_KEY}:{record.external_id}"
        case FollowUpBooking():
            return f"{followup_booking.POLICY_KEY}:{record.external_id}"
        case MeetingOverseerDecision(stage=Stage.GATE):
            return f"{meeting_overseer.POLICY_KEY}:{record.message_ref}"
        case MeetingOverseerDecision(stage=Stage.BOOKING_GATE):
            return f"{followup_booking.POLICY_KEY}:{record.message_ref}"
    return ""


def _grouped(found: Iterable[tuple[int, DecisionRecord]]) -> Mapping[int, Sequence[Verdict]]:
    verdicts: dict[int, list[Verdict]] = defaultdict(list)
    for key, decision in found:
        verdicts[key].append(
            Verdict(
                decision_id=decision.pk,
                policy_key=decision.policy_key,
                verdict=decision.gate_verdict,
                reason=decision.gate_reason,
            )
        )
    return verdicts
