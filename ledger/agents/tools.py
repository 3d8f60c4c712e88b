"""What an agent may do with a workspace's key: each verb holds the scope that its counterpart of the HTTP API holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ValidationError

from confidence_project.foundation.errors import DomainError, InvalidInput, NotFound, PermissionRefused
from confidence_project.foundation.submissions import Submission
from confidence_project.foundation.validation import problems_in
from governance.definitions import SEGMENT_KEYS
from governance.models import ApiKey
from governance.policies import resolve_threshold
from governance.workspaces.names import WorkspaceNames
from ledger.contracts import DecisionEnvelope, OutcomeEnvelope
from ledger.explorer import in_words
from ledger.pipelines.decisions import decide
from ledger.selectors import decisions_with_outcomes
from ledger.serializers import DecisionDetailSerializer, OutcomeSerializer, VerdictSerializer
from ledger.services import record_outcomes

Scope = ApiKey.Scope


def ask_gate(key: ApiKey, envelope: Mapping[str, Any]) -> dict[str, Any]:
    """Gate a decision and return the verdict, committed; the same `external_id` again gets the first one.

    Raises
    ------
    PermissionRefused, InvalidInput, Conflict
        The key lacks the scope `decide`; a field is not valid; the id was used for something else.
    """
    _require(key, Scope.DECIDE)
    item = _validated(DecisionEnvelope, envelope, WorkspaceNames(key.workspace))
    record = decide(workspace=key.workspace, submission=Submission.of(item)).record
    shown = VerdictSerializer().to_representation(record)
    return {**shown, "because": in_words(record.gate_reason)}


def threshold_in_force(
    key: ApiKey, *, policy_key: str, field: str, case_key: str, segment: Mapping[str, str]
) -> dict[str, Any]:
    """Return the number in force; one that allows nothing (2.0 for a confidence) while everything is blocked.

    Raises
    ------
    PermissionRefused, UnknownPolicyKey, UnknownField, PolicyUnavailable
        The key lacks the scope `read`; see `resolve_threshold`.
    """
    _require(key, Scope.READ)
    known = {name: value for name, value in segment.items() if value and name in SEGMENT_KEYS}
    return {
        "policy_key": policy_key,
        "field": field,
        "value": resolve_threshold(key.workspace, policy_key, field, case_key=case_key, **known),
    }


def report_outcome(key: ApiKey, envelope: Mapping[str, Any]) -> dict[str, Any]:
    """Attach an outcome to a decision.

    Raises
    ------
    PermissionRefused, InvalidInput, NotFound, Conflict
        As `ask_gate`, for the scope `ingest`; there is no such decision in the workspace.
    """
    _require(key, Scope.INGEST)
    item = _validated(OutcomeEnvelope, envelope)
    (answer,) = record_outcomes(
        workspace=key.workspace, submissions=[Submission.of(item)], reporter=f"API key {key.prefix} {key.name}"
    )
    if isinstance(answer, DomainError):
        raise answer
    return OutcomeSerializer().to_representation(answer.record)


def explain_verdict(key: ApiKey, decision_id: str) -> dict[str, Any]:
    """Return a decision with its reason in words and its outcomes.

    Raises
    ------
    PermissionRefused, NotFound
        The key lacks the scope `read`; the workspace has no such decision.
    """
    _require(key, Scope.READ)
    try:
        record = decisions_with_outcomes(key.workspace).filter(pk=UUID(decision_id)).first()
    except ValueError:
        record = None
    if record is None:
        raise NotFound("No decision of this workspace has this id.")
    shown = DecisionDetailSerializer().to_representation(record)
    return {**shown, "because": in_words(record.gate_reason)}


def _require(key: ApiKey, scope: Scope) -> None:
    if scope not in key.scopes:
        raise PermissionRefused(f"The API key lacks the scope {scope.value!r}.")


def _validated(contract: Any, given: Mapping[str, Any], known: object = None) -> Any:
    stated = {name: value for name, value in given.items() if value is not None}
    try:
        item: BaseModel = contract.model_validate(stated, context=known)
    except ValidationError as error:
        problems = problems_in(error)
        said = "; ".join(f"{each.pointer or 'the arguments'}: {each.detail}" for each in problems)
        raise InvalidInput(f"The arguments are not valid; nothing was kept. {said}", problems) from None
    return item
