"""Outcomes that a domain tells about its own decisions: each is attached once."""

from __future__ import annotations

import hashlib
from typing import TypeVar

from confidence_project.foundation.errors import DomainError
from confidence_project.foundation.submissions import Submission
from governance.models import Workspace
from ledger.contracts import OutcomeEnvelope
from ledger.models import DecisionExternalId, DecisionOutcome
from ledger.services import record_outcomes
from telemetry.contracts import Envelope

EnvelopeT = TypeVar("EnvelopeT", bound=Envelope)


def submission_of(item: EnvelopeT) -> Submission[EnvelopeT]:
    """Return a fact that came in process as the services take it; repeated, it is the same submission."""
    return Submission(item.external_id, hashlib.sha256(item.model_dump_json().encode()).hexdigest(), item)


def attach_once(workspace: Workspace, outcome: OutcomeEnvelope, *, reporter: str) -> DecisionOutcome | None:
    """Attach `outcome` to the decision that it names, unless one is attached under its id already: that one stays.

    None when the ledger has no such decision: the domain record came in without the gate.
    """
    decisions = DecisionExternalId.objects.in_workspace(workspace).filter(external_id=outcome.decision_external_id)
    if not decisions.exists():
        return None
    attached = DecisionOutcome.objects.in_workspace(workspace).filter(external_id=outcome.external_id)
    known: DecisionOutcome | None = attached.first()
    if known is not None:
        return known
    body_sha256 = hashlib.sha256(outcome.model_dump_json().encode()).hexdigest()
    (result,) = record_outcomes(
        workspace=workspace,
        submissions=[Submission(outcome.external_id, body_sha256, outcome)],
        reporter=reporter,
    )
    if isinstance(result, DomainError):
        raise result
    return result.record
