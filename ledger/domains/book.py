"""One book: every row of a domain that is a decision has its record in the ledger, and its label as an outcome there.

Called in the transaction in which rows of a domain appear or change, and by the takeover of older ones. It compares
what the rows say with what the ledger holds and appends what is missing, so calling it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from confidence_project.foundation.bulk import insert_rows
from governance.definitions import FieldKind, get_definition
from ledger.contracts import CONTRACT_VERSION
from ledger.domains.bookings import BOOKINGS
from ledger.domains.domain import Domain, Label
from ledger.domains.drafts import DRAFTS
from ledger.domains.overseen import OVERSEEN
from ledger.models import ConfidenceKind, DecisionOutcome, DecisionRecord, DomainDecision, OutcomeVoid
from ledger.reasons import OBSERVED
from ledger.services import append_outcomes
from telemetry.models import HostRecord, InboundMessage

DOMAINS: tuple[Domain[Any], ...] = (DRAFTS, OVERSEEN, BOOKINGS)


def keep_book(rows: Sequence[HostRecord]) -> None:
    """Record the decisions that rows tell of, and attach or correct their labels, in the caller's transaction.

    A row that a pipeline judged has its record already. A label that does not hold any more, because the draft turned
    out to be edited or an earlier message arrived, is voided, and the one that holds is appended.
    """
    keys = {domain.model: {row.pk for row in rows if isinstance(row, domain.model)} for domain in DOMAINS}
    keys[DRAFTS.model] |= {row.draft_id for row in rows if isinstance(row, InboundMessage)}
    for domain in DOMAINS:
        if keys[domain.model]:
            _keep(domain, keys[domain.model])


def link_of(record: DecisionRecord, row: HostRecord) -> DomainDecision | None:
    """Return the unsaved link from a decision to a row that is about it; None for a row of no domain."""
    for domain in DOMAINS:
        if isinstance(row, domain.model):
            return DomainDecision(decision_id=record.pk, workspace_id=row.workspace_id, **{f"{domain.link}_id": row.pk})
    return None


def links_to(rows: Sequence[HostRecord]) -> dict[int, DomainDecision]:
    """Return the links to rows of one kind by primary key of the row; of a message, that of its draft."""
    if isinstance(rows[0], InboundMessage):
        drafts = {row.pk: row.draft_id for row in rows if isinstance(row, InboundMessage)}
        links = _links(DRAFTS, set(drafts.values()))
        return {key: links[draft] for key, draft in drafts.items() if draft in links}
    domain = next((domain for domain in DOMAINS if isinstance(rows[0], domain.model)), None)
    return _links(domain, {row.pk for row in rows}) if domain else {}


def standing_label(row: HostRecord) -> DecisionOutcome | None:
    """Return the label that the domain gave the decision of a row and that was not voided; None: there is none."""
    for domain in DOMAINS:
        if isinstance(row, domain.model) and domain.is_decision(row):
            link = _links(domain, {row.pk}).get(row.pk)
            return _standing_labels(domain, [link.decision_id]).get(link.decision_id) if link else None
    return None


def _links(domain: Domain[Any], keys: set[int]) -> dict[int, DomainDecision]:
    links = DomainDecision.objects.filter(**{f"{domain.link}__in": keys})
    return {getattr(link, f"{domain.link}_id"): link for link in links}


def _keep(domain: Domain[Any], keys: set[int]) -> None:
    # Locked in one order: whoever else tells something of the same row has told it, or waits.
    locked = domain.model._default_manager.filter(pk__in=keys).order_by("pk").select_for_update(no_key=True)
    rows = [row for row in locked if domain.is_decision(row)]
    decisions = {key: link.decision_id for key, link in _links(domain, {row.pk for row in rows}).items()}
    records = {row.pk: _observed(domain, row) for row in rows if row.pk not in decisions}
    insert_rows(list(records.values()))
    insert_rows([link for row in rows if row.pk in records and (link := link_of(records[row.pk], row))])
    decisions |= {key: record.pk for key, record in records.items()}
    _label(domain, rows, decisions)


def _observed(domain: Domain[Any], row: HostRecord) -> DecisionRecord:
    """Return the unsaved record of what the host decided by itself: its verdict, threshold and time."""
    told = domain.told(row)
    field = get_definition(domain.policy_key).field_of_kind(FieldKind.CONFIDENCE_THRESHOLD)
    return DecisionRecord(
        workspace_id=row.workspace_id,
        timestamp=timezone.now(),
        occurred_at=row.created_at,
        origin=DecisionRecord.Origin.OBSERVED,
        external_id=row.external_id or "",
        policy_key=domain.policy_key,
        thresholds={field.name: float(told.threshold)} if field and told.threshold is not None else {},
        provider=told.provider,
        model=told.model,
        schema_version=CONTRACT_VERSION,
        schema_valid=True,
        llm_confidence=told.confidence,
        confidence_kind=ConfidenceKind.SELF_REPORTED,
        channel=told.channel,
        case_key=told.case_key,
        action_type=told.action_type,
        gate_verdict=DecisionRecord.Verdict.ALLOW if told.allowed else DecisionRecord.Verdict.BLOCK,
        gate_reason=OBSERVED,
    )


def _label(domain: Domain[Any], rows: Sequence[HostRecord], decisions: Mapping[int, Any]) -> None:
    labels = domain.labels(rows)
    standing = _standing_labels(domain, list(decisions.values()))
    now = timezone.now()
    voids, outcomes = [], []
    for row in rows:
        wanted, known = labels.get(row.pk), standing.get(decisions[row.pk])
        if known is not None and (wanted is None or wanted.success != known.success):
            voids.append(OutcomeVoid(outcome=known, workspace_id=row.workspace_id, at=now, reporter=domain.policy_key))
            known = None
        if wanted is not None and known is None:
            outcomes.append(_outcome(domain, row, decisions[row.pk], wanted, now))
    insert_rows(voids)
    append_outcomes(outcomes)


def _standing_labels(domain: Domain[Any], decision_ids: list[Any]) -> dict[Any, DecisionOutcome]:
    """Return what the domain itself last said of each decision, unless it was voided."""
    said = DecisionOutcome.objects.filter(decision__in=decision_ids, reporter=domain.policy_key, void__isnull=True)
    return {outcome.decision_id: outcome for outcome in said.order_by("sequence")}


def _outcome(domain: Domain[Any], row: HostRecord, decision_id: Any, label: Label, now: Any) -> DecisionOutcome:
    return DecisionOutcome(
        decision_id=decision_id,
        workspace_id=row.workspace_id,
        success=label.success,
        source=label.source,
        automation_executed=label.automation_executed,
        observed_at=label.observed_at,
        recorded_at=now,
        reporter=domain.policy_key,
    )
