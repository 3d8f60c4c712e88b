"""The meeting overseer's gate stage, labelled by what a person decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from governance.definitions import PolicyDefinition, confidence_threshold
from ledger.domains.domain import Domain, Label, Told
from ledger.models import DecisionOutcome
from telemetry.models import MeetingOverseerDecision

NO_ANSWER = "none"
"""The decision on record of an overseer that gave no usable answer."""


def _told(overseen: MeetingOverseerDecision) -> Told:
    return Told(
        # Its host says of no decision that it was held back, so each is taken as carried out.
        allowed=True,
        confidence=overseen.confidence,
        threshold=None,
        provider=overseen.provider,
        model=overseen.model,
    )


def _labels(rows: Sequence[MeetingOverseerDecision]) -> Mapping[int, Label]:
    """Label what a person looked at: a success when they decided the same."""
    return {
        row.pk: Label(
            success=row.human_override == row.decision,
            source=DecisionOutcome.Source.HUMAN_REVIEW.value,
            observed_at=row.overridden_at,
        )
        for row in rows
        if row.human_override and row.overridden_at is not None and row.decision != NO_ANSWER
    }


OVERSEEN = Domain(
    definition=PolicyDefinition(
        key="meeting.overseer.gate",
        title="Meeting overseer",
        description="Acts on the overseer's reading of a scheduling message.",
        fields=(confidence_threshold("confidence_threshold", 0.7, "Least confidence for acting on the overseer"),),
    ),
    model=MeetingOverseerDecision,
    link="overseen",
    is_decision=lambda row: row.stage == MeetingOverseerDecision.Stage.GATE,
    told=_told,
    labels=_labels,
)
