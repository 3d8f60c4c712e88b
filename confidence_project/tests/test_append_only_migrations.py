"""A migration that rebuilds an append-only table leaves its rows, triggers and views as they were."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, migrations, models, transaction
from django.db.migrations.exceptions import IrreversibleError
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from confidence_project.foundation.append_only import append_only_models
from confidence_project.foundation.triggers import EnforceAppendOnly
from confidence_project.foundation.triggers.guarding import (
    keep_leading,
    missing_triggers,
    missing_views,
    release_before_migrations,
)
from ledger.models import DecisionRecord
from ledger.tests.factories import DecisionOutcomeFactory

pytestmark = pytest.mark.django_db(transaction=True)


def operation_with_the_view() -> EnforceAppendOnly:
    """The last operation that makes the view: putting an older one back would change what later tests read."""
    loader = MigrationLoader(connection)
    (operation,) = [
        operation
        for operation in loader.get_migration("ledger", "0006_one_book").operations
        if isinstance(operation, EnforceAppendOnly)
    ]
    return operation


def run(operation: Any, state: ProjectState) -> ProjectState:
    """Do what `migrate` does, with what it tells before and after."""
    after = state.clone()
    operation.state_forwards("ledger", after)
    release_before_migrations(connection.alias)
    with connection.schema_editor(atomic=True) as editor:
        operation.database_forwards("ledger", editor, state, after)
    keep_leading(connection.alias)
    return after


LEDGER = [model.__name__ for model in append_only_models() if model._meta.app_label == "ledger"]


@pytest.fixture
def state() -> ProjectState:
    return MigrationLoader(connection).project_state()


REBUILDS = [
    (
        migrations.AddField("DecisionRecord", "note", models.CharField(max_length=20, default="", db_default="")),
        migrations.RemoveField("DecisionRecord", "note"),
    ),
    (
        migrations.AlterField("DecisionRecord", "gate_reason", models.CharField(max_length=60)),
        migrations.AlterField("DecisionRecord", "gate_reason", models.CharField(max_length=50)),
    ),
    (
        migrations.AlterField("DecisionOutcome", "reporter", models.CharField(max_length=160)),
        migrations.AlterField("DecisionOutcome", "reporter", models.CharField(max_length=150)),
    ),
]


@pytest.mark.parametrize(("change", "back"), REBUILDS)
def test_rebuild__through_the_operation__keeps_rows_triggers_and_view(
    state: ProjectState, change: Any, back: Any
) -> None:
    outcome = DecisionOutcomeFactory()
    views = operation_with_the_view().views
    try:
        state = run(EnforceAppendOnly(LEDGER, views=views, operations=[change]), state)
        assert missing_triggers(connection) == []
        assert missing_views(connection) == {}
        with connection.cursor() as cursor:
            cursor.execute("SELECT outcome_id FROM decision_ledger_effective")
            assert cursor.fetchall() == [(outcome.pk,)]
        for statement in ("UPDATE decision_ledger SET model = 'x'", "DELETE FROM ledger_decisionoutcome"):
            with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
                connection.cursor().execute(statement)
    finally:
        run(EnforceAppendOnly(LEDGER, views=views, operations=[back]), state)
    assert DecisionRecord.objects.get() == outcome.decision


def test_rebuild__round_the_operation__is_seen_by_the_check(state: ProjectState) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL keeps triggers when it alters a table")
    operation = operation_with_the_view()
    connection.cursor().execute("DROP VIEW decision_ledger_effective")
    try:
        change = migrations.AlterField("DecisionRecord", "gate_reason", models.CharField(max_length=60))
        after = run(change, state)
        assert missing_triggers(connection)
        run(migrations.AlterField("DecisionRecord", "gate_reason", models.CharField(max_length=50)), after)
    finally:
        run(EnforceAppendOnly(LEDGER, views=operation.views), state)
    assert missing_triggers(connection) == []


def test_backwards__with_operations__is_refused(state: ProjectState) -> None:
    operation = EnforceAppendOnly(LEDGER, operations=[migrations.RunSQL("SELECT 1")])
    with pytest.raises(IrreversibleError, match="forward"), connection.schema_editor(atomic=True) as editor:
        operation.database_backwards("ledger", editor, state, state)
