"""Decisions with outcomes, generated in bulk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from calibration.models import ReviewCalendar
from calibration.runner import run_calibration
from confidence_project.foundation.bulk import insert_rows
from governance.definitions import all_definitions
from governance.models import Workspace
from ledger.models import DecisionOutcome, DecisionRecord

START = datetime(2026, 1, 1, tzinfo=UTC)
"""Start of the window that tests calibrate over; decisions follow it, a minute apart."""

WINDOW = {"window_from": START, "window_to": START + timedelta(days=30), "maturity_days": 0}


def decision(workspace: Workspace, *, confidence: float | None, minute: int = 0, **fields: Any) -> DecisionRecord:
    """An unsaved decision of imported history; `**fields` says what is different."""
    at = START + timedelta(minutes=minute)
    return DecisionRecord(
        **{
            "workspace": workspace,
            "timestamp": at,
            "occurred_at": at,
            "policy_key": "confidence_gate",
            "provider": "acme",
            "model": "m1",
            "schema_version": "1",
            "schema_valid": True,
            "llm_confidence": None if confidence is None else Decimal(str(confidence)),
            "gate_verdict": "allow",
            "gate_reason": "imported",
            "origin": DecisionRecord.Origin.IMPORT,
            **fields,
        }
    )


def gated(workspace: Workspace, *, confidence: float, threshold: float = 0.9, **fields: Any) -> DecisionRecord:
    """An unsaved decision as the gate records it under a confidence threshold."""
    allowed = confidence >= threshold
    return decision(
        workspace,
        confidence=confidence,
        **{
            "origin": DecisionRecord.Origin.GATE,
            "gate_verdict": "allow" if allowed else "block",
            "gate_reason": "allowed" if allowed else "llm_confidence_below_threshold",
            "thresholds": {"confidence_threshold": threshold},
            "policy_version": 0,
            **fields,
        },
    )


def outcome(of: DecisionRecord, success: bool, *, sequence: int = 1, **fields: Any) -> DecisionOutcome:
    """An unsaved outcome; `**fields` says what is different."""
    at = of.occurred_at + timedelta(hours=1)
    return DecisionOutcome(
        **{
            "decision": of,
            "workspace": of.workspace,
            "sequence": sequence,
            "success": success,
            "source": DecisionOutcome.Source.DOWNSTREAM_EVENT,
            "observed_at": at,
            "recorded_at": at,
            "reporter": "test",
            **fields,
        }
    )


def store(decisions: Iterable[DecisionRecord], outcomes: Iterable[DecisionOutcome] = ()) -> None:
    """Insert decisions, then outcomes."""
    insert_rows(list(decisions))
    insert_rows(list(outcomes))


def history(workspace: Workspace, counts: Mapping[float, tuple[int, int]], **fields: Any) -> list[DecisionRecord]:
    """Store fully labelled history: `{confidence: (successes, failures)}`, spread evenly over the window."""
    labels = [(confidence, i < won) for confidence, (won, lost) in counts.items() for i in range(won + lost)]
    # A stride that is coprime to the number of rows mixes the confidences over time.
    mixed = [labels[(place * 7919) % len(labels)] for place in range(len(labels))]
    made = [decision(workspace, confidence=c, minute=place, **fields) for place, (c, _) in enumerate(mixed)]
    store(made, [outcome(each, won) for each, (_, won) in zip(made, mixed, strict=True)])
    return made


def scheduled(
    workspace: Workspace,
    *,
    policy_keys: Iterable[str] | None = None,
    window_from: datetime = START,
    window_to: datetime = START + timedelta(days=30),
    **question: Any,
) -> None:
    """Set a calendar as if before the window: its opening at the window's end, one review a year, no candidates."""
    terms = {"maturity_days": 0, "candidate_share": 0, **question}
    for key in policy_keys or [definition.key for definition in all_definitions()]:
        ReviewCalendar.objects.create(
            workspace=workspace,
            policy_key=key,
            reviews_a_year=1,
            opening_on=window_to.date(),
            window_days=(window_to - window_from).days,
            set_at=window_from,
            **terms,
        )


def review(*, workspace: Workspace, dry_run: bool = False, tighten_only: bool = False, **question: Any) -> Any:
    """Hold the review over a window: the question as a calendar that was set before it, and the run."""
    costs = {name: question.pop(name) for name in ("costs", "progress", "actor") if name in question}
    scheduled(workspace, **question)
    for name in ("candidate_share", "looks_for_band"):
        question.pop(name, None)
    return run_calibration(
        workspace=workspace, dry_run=dry_run, tighten_only=tighten_only, again=True, **question, **costs
    )


HONEST = {0.99: (496, 4), 0.95: (290, 10), 0.8: (160, 40), 0.6: (60, 40)}
"""A model whose confidence can be thresholded: at and above 0.95, 14 of 800 failed."""

OVERCONFIDENT = {1.0: (400, 100), 0.9: (150, 50), 0.7: (60, 40)}
"""A model for which no threshold is certifiable: a fifth of what it is surest of fails."""
