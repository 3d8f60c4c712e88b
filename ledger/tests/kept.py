"""Decisions of another day for the tests of retention: recorded then, as their ids say, too."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from governance.models import Workspace
from ledger.models import DecisionExternalId, DecisionRecord, OutcomeVoid
from ledger.tests.factories import DecisionOutcomeFactory, DecisionRecordFactory, LedgerAmendmentFactory

_numbers = itertools.count(1)


def id_of(moment: datetime) -> UUID:
    """A UUIDv7 of that time (RFC 9562, §5.7) that no other decision of the tests has."""
    return UUID(int=int(moment.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62 | next(_numbers))


def decided(workspace: Workspace, *, days_ago: float, **changes: Any) -> DecisionRecord:
    """A decision that was recorded so many days ago, with a host's id of its own."""
    at = datetime.now(UTC) - timedelta(days=days_ago)
    given = {"external_id": f"host-{next(_numbers)}", **changes}
    record: DecisionRecord = DecisionRecordFactory(
        workspace=workspace, decision_id=id_of(at), timestamp=at, occurred_at=at, **given
    )
    DecisionExternalId.objects.create(
        workspace=workspace, external_id=record.external_id, decision_id=record.pk, body_sha256="a" * 64
    )
    return record


def with_everything(record: DecisionRecord) -> DecisionRecord:
    """Give a decision an outcome that was voided, one that rules, and an amendment."""
    voided = DecisionOutcomeFactory(decision=record, recorded_at=record.timestamp)
    OutcomeVoid.objects.create(outcome=voided, workspace=record.workspace, at=record.timestamp, reporter="domain")
    DecisionOutcomeFactory(decision=record, sequence=2, success=False, recorded_at=record.timestamp)
    LedgerAmendmentFactory(decision=record, at=record.timestamp)
    return record
