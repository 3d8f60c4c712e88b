"""Policies as files: what is in force in a workspace, and a proposal for each that a file would change."""

from __future__ import annotations

from typing import Any, Literal

from django.db import transaction
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from confidence_project.foundation.errors import DomainError, FieldProblem, InvalidInput, Stale
from confidence_project.foundation.validation import problems_in
from governance.access.permissions import Person, Verb, require
from governance.definitions import get_definition
from governance.models import ConfidencePolicy, ConfidencePolicyProposal, Workspace
from governance.policies.changes import changes_between
from governance.policies.config import parse_config
from governance.policies.stored import stored_policy
from governance.workflow.opening import propose_confidence_policy

SCHEMA = "confidence-policies/1"


class _Policy(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    policy_key: str = Field(max_length=100)
    version: int = Field(ge=0)
    config: dict[str, Any]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    schema_: Literal["confidence-policies/1"] = Field(alias="schema")
    policies: list[_Policy]


_FILE = TypeAdapter(_File)


def policies_file(workspace: Workspace) -> dict[str, Any]:
    """Return the policies that were ever applied, with the version of each; what has none has its defaults."""
    policies = ConfidencePolicy.objects.in_workspace(workspace).order_by("policy_key")
    listed = [
        {"policy_key": policy.policy_key, "version": policy.version, "config": policy.config} for policy in policies
    ]
    return {"schema": SCHEMA, "policies": listed}


def propose_policies(
    *,
    actor: Person,
    workspace: Workspace,
    document: object,
    title: str,
    rationale: str,
    acknowledge_large_step: bool = False,
) -> list[ConfidencePolicyProposal]:
    """Open a person's proposal for each policy of a file that is not what is in force: all of them, or none.

    Raises
    ------
    NotFound, PermissionRefused
        See `propose_confidence_policy`.
    InvalidInput
        The file has another form, names a policy twice, or a policy of it cannot be proposed; the problem names it.
    Stale
        A policy has another version by now than the one that the file was written for.
    """
    require(Verb.PROPOSE, actor, workspace)
    policies = _read(document)
    opened = []
    with transaction.atomic():
        for place, policy in enumerate(policies):
            try:
                if _differs(workspace, policy):
                    proposal = propose_confidence_policy(
                        actor=actor,
                        workspace=workspace,
                        policy_key=policy.policy_key,
                        title=title,
                        rationale=rationale,
                        config=policy.config,
                        acknowledge_large_step=acknowledge_large_step,
                    )
                    opened.append(proposal)
            except Stale:
                raise
            except DomainError as error:
                raise _refused(f"/policies/{place}", error.detail) from error
    return opened


def _read(document: object) -> list[_Policy]:
    try:
        policies = _FILE.validate_python(document).policies
    except ValidationError as error:
        problem = problems_in(error)[0]
        raise _refused(problem.pointer, problem.detail) from None
    keys = [policy.policy_key for policy in policies]
    twice = next((place for place, key in enumerate(keys) if key in keys[:place]), None)
    if twice is not None:
        raise _refused(f"/policies/{twice}/policy_key", "names a policy that stands before it")
    return policies


def _differs(workspace: Workspace, policy: _Policy) -> bool:
    definition = get_definition(policy.policy_key)
    version, stored = stored_policy(workspace, policy.policy_key)
    if version != policy.version:
        raise Stale(
            f"{policy.policy_key} has version {version} now, and the file was written for {policy.version}. "
            "Export the policies again, and make the change to that."
        )
    proposed = parse_config(definition, policy.config, pointer="/config")
    return any(change.is_change for change in changes_between(definition, stored, proposed))


def _refused(pointer: str, rule: str) -> InvalidInput:
    return InvalidInput(f"{pointer or 'The file'}: {rule}", [FieldProblem(pointer, "policies_file", rule)])
