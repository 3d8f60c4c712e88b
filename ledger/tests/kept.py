"""Decisions of another day for the tests of retention: recorded then, as their ids say, too."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from governance.models import Workspace
from ledger.models import DecisionExternalId, DecisionRecord, OutcomeVoid
from ledger.tests.factories import DecisionOutcomeFactory, DecisionRecordFactory, LedgerAmendmentFactory
from ledger.tests.transparency import behind_the_triggers

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


def age(record: DecisionRecord, *, days_ago: float) -> UUID:
    """Put a decision that came over HTTP so many days back, before anything is logged, and return its new id."""
    at = datetime.now(UTC) - timedelta(days=days_ago)
    aged = id_of(at)
    old, new = (DecisionRecord._meta.pk.get_db_prep_value(key, connection) for key in (record.pk, aged))
    with behind_the_triggers() as cursor:
        stored = connection.ops.adapt_datetimefield_value(at)
        cursor.execute("UPDATE decision_ledger SET timestamp = %s WHERE decision_id = %s", [stored, old])
        for table in ("decision_ledger", "ledger_decisionexternalid", "ledger_domaindecision"):
            cursor.execute(f"UPDATE {table} SET decision_id = %s WHERE decision_id = %s", [new, old])
    return aged


def with_everything(record: DecisionRecord) -> DecisionRecord:
    """Give a decision an outcome that was voided, one that rules, and an amendment."""
    voided = DecisionOutcomeFactory(decision=record, recorded_at=record.timestamp)
    OutcomeVoid.objects.create(outcome=voided, workspace=record.workspace, at=record.timestamp, reporter="domain")
    DecisionOutcomeFactory(decision=record, sequence=2, success=False, recorded_at=record.timestamp)
    LedgerAmendmentFactory(decision=record, at=record.timestamp)
    return record
