"""The plain case of asking the gate, and of attaching an outcome: one statement each."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import TypeAdapter

from confidence_project.foundation.ingest import plain_submission
from governance.access.lanes import Lane
from governance.models import ApiKey
from governance.workspaces.names import WorkspaceNames
from ledger.attaching import attach_at_once
from ledger.contracts import DecisionEnvelope, OutcomeEnvelope
from ledger.pipelines.decisions import decide_at_once
from ledger.replies import shown_outcome, shown_verdict

_DECISION = TypeAdapter(DecisionEnvelope)
_OUTCOME = TypeAdapter(OutcomeEnvelope)


def _decide(key: ApiKey, body: bytes, name: str) -> dict[str, Any] | None:
    submission = plain_submission(body, _DECISION, WorkspaceNames(key.workspace))
    record = submission and decide_at_once(key.workspace, submission)
    return shown_verdict(record) if record else None


def _attach(key: ApiKey, body: bytes, name: str) -> dict[str, Any] | None:
    submission = plain_submission(body, _OUTCOME)
    outcome = submission and attach_at_once(key.workspace, submission, key.reporter, key.governed_by)
    return shown_outcome(outcome) if outcome else None


DECIDE = Lane(ApiKey.Scope.DECIDE, HTTPStatus.CREATED, _decide)
ATTACH = Lane(ApiKey.Scope.INGEST, HTTPStatus.CREATED, _attach)
