"""What the ledger has for the audit page: imports, reviews and their rules, amendments, removals, the gateway."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from governance.audit.sources import SOURCES, Source, rows_in, sources_of_control
from governance.models import Workspace
from governance.models.controls import Control
from ledger.models import (
    DecisionImport,
    DecisionOutcome,
    DecisionRecord,
    KnownCase,
    LabellingRules,
    LedgerAmendment,
    LedgerRemoval,
    ModelServer,
    QuestionBinding,
)
from ledger.models.decisions import REVIEW

# Literals, or SQLite would not know the condition of `outcome_of_a_review` again.
_IS_A_REVIEW = f"source = 'human_review' AND external_id LIKE '{REVIEW}%%' ESCAPE '\\'"


def _reviews_in(workspace: Workspace) -> QuerySet[DecisionOutcome]:
    reviews = RawSQL(_IS_A_REVIEW, [], output_field=BooleanField())  # noqa: S611 - a literal of this module
    return DecisionOutcome.objects.filter(reviews, workspace=workspace)


_HISTORIES = {
    "ledger.import": Source(
        title="Imports",
        rows=rows_in(DecisionImport),
        at="started_at",
        who="actor_name",
        what=lambda row: f"Import: {row.get_status_display().lower()}",
        about=lambda row: row.file_name or "standard input",
    ),
    "ledger.review": Source(
        title="Reviews of decisions",
        rows=_reviews_in,
        at="recorded_at",
        who="reporter",
        what=lambda row: f"Reviewed: {'right' if row.success else 'wrong'}",
        about=lambda row: f"decision {row.decision_id}",
        page=lambda row: DecisionRecord(pk=row.decision_id),
    ),
    "ledger.amendment": Source(
        title="Amendments",
        rows=rows_in(LedgerAmendment),
        at="at",
        who="actor_name",
        what=lambda row: f"Amended: {row.get_field_display().lower()}",
        about=lambda row: f"decision {row.decision_id}",
    ),
    "ledger.removal": Source(
        title="Retention and legal holds",
        rows=rows_in(LedgerRemoval),
        at="at",
        who="actor_name",
        what=lambda row: row.get_kind_display(),
        about=lambda row: f"{row.decisions} decisions" + (f", {row.archive}" if row.archive else ""),
    ),
}


_CONTROLS: Mapping[type[Control], str] = {
    ModelServer: "Models' servers",
    QuestionBinding: "Bound questions",
    LabellingRules: "Labelling",
    KnownCase: "Labelling",
}


def register_histories() -> None:
    """Put them among the sources."""
    for key, source in _HISTORIES.items():
        SOURCES.register(source, key)
    for model, title in _CONTROLS.items():
        for key, source in sources_of_control(model, title):
            SOURCES.register(source, key)
