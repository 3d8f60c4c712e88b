"""Drafts of auto-send, labelled by what the next message says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from django.conf import settings

from governance.definitions import STANDARD_ACTIONS, PolicyDefinition, confidence_threshold
from ledger.domains.domain import Domain, Label, Told
from ledger.models import DecisionOutcome
from telemetry.models import AIDraft, InboundMessage

Disposition = AIDraft.Disposition


def _told(draft: AIDraft) -> Told:
    return Told(
        allowed=_was_allowed(draft),
        confidence=draft.confidence,
        threshold=draft.threshold,
        provider=draft.provider,
        model=draft.model,
        channel=draft.channel,
        case_key=draft.case_key,
        action_type="send",
    )


def _was_allowed(draft: AIDraft) -> bool:
    if draft.action:
        return draft.action == AIDraft.Action.SEND
    # Old rows say no action: what is not known to have been held is taken as carried out, like imported history.
    return draft.confidence is None or draft.threshold is None or draft.confidence >= draft.threshold


def _labels(drafts: Sequence[AIDraft]) -> Mapping[int, Label]:
    """Label drafts that went out as written by the next message within `CONFIDENCE_REPLY_DAYS`.

    Positive and neutral are successes, negative is a failure. The answer to a draft that a person edited or discarded
    says nothing about the draft.
    """
    answers: dict[int, InboundMessage] = {}
    messages = InboundMessage.objects.filter(draft__in=drafts).order_by("-created_at", "-id")
    by_key = {draft.pk: draft for draft in drafts}
    for message in messages:
        waited = message.created_at - by_key[message.draft_id].created_at
        if timedelta(0) <= waited <= timedelta(days=settings.CONFIDENCE_REPLY_DAYS):
            answers[message.draft_id] = message
    return {
        key: Label(
            success=answer.sentiment != InboundMessage.Sentiment.NEGATIVE,
            source=DecisionOutcome.Source.SENTIMENT.value,
            observed_at=answer.created_at,
            automation_executed=by_key[key].disposition == Disposition.AUTO_SENT if by_key[key].disposition else None,
        )
        for key, answer in answers.items()
        if by_key[key].disposition not in (Disposition.EDITED, Disposition.DISCARDED)
    }


DRAFTS = Domain(
    definition=PolicyDefinition(
        key="auto_send.evaluate",
        title="Auto-send",
        description="Sends a drafted reply without a person when the evaluator is confident enough.",
        fields=(confidence_threshold("auto_send_threshold", 0.9, "Least confidence for sending without a person"),),
        actions={**STANDARD_ACTIONS, "send": {}},
    ),
    model=AIDraft,
    link="draft",
    is_decision=lambda draft: True,
    told=_told,
    labels=_labels,
)
