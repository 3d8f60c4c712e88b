"""Declaring where a workspace's decisions lie, and withdrawing it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from calibration.engines.mapping import parse_engine_mapping
from calibration.engines.places import check_source, check_variable
from calibration.models import EvidenceEngine
from confidence_project.foundation.errors import AlreadySo, InvalidInput, NotFound
from governance.access.permissions import Person, Verb, require
from governance.controls.services import end_control, start_control
from governance.models import Workspace
from governance.vocabulary import is_visible
from ledger.imports.rows import check_constants

LONGEST_NAME = 50


def declare_engine(
    *,
    actor: Person,
    workspace: Workspace,
    name: str,
    kind: str,
    address_variable: str,
    decisions: str,
    mapping: Mapping[str, Any],
    reason: str,
    outcomes: str = "",
) -> EvidenceEngine:
    """Let runs of the workspace read decisions where they lie.

    Parameters
    ----------
    kind
        A value of `EvidenceEngine.Kind`.
    address_variable
        The environment variable with the address; the operator sets it for commands and workers.
    decisions, outcomes
        Files below the address or tables; outcomes blank: they stand in the rows of the decisions.
    mapping
        The JSON form of `EngineMapping`.

    Raises
    ------
    NotFound, PermissionRefused, InvalidInput
        The workspace is not the actor's; the actor may not; a value is not valid.
    Conflict
        The name is in use: withdraw that declaration first.
    """
    require(Verb.OPERATE, actor, workspace)
    if not is_visible(name) or len(name) > LONGEST_NAME:
        raise InvalidInput(f"The name of an engine has 1 to {LONGEST_NAME} visible characters and no white space.")
    if kind not in EvidenceEngine.Kind.values:
        raise InvalidInput(f"The kind of an engine is one of {', '.join(EvidenceEngine.Kind.values)}.")
    check_variable(address_variable)
    for source in (decisions, *([outcomes] if outcomes else [])):
        check_source(source)
    declared = parse_engine_mapping(mapping)
    check_constants(declared.constants, workspace)
    engine = EvidenceEngine(
        name=name,
        kind=kind,
        address_variable=address_variable,
        decisions=decisions,
        outcomes=outcomes,
        mapping=declared.as_json(),
    )
    try:
        return start_control(engine, actor, workspace, reason)
    except AlreadySo as error:
        raise AlreadySo("An engine of this name is declared already. Withdraw it first.") from error


def withdraw_engine(*, actor: Person, engine: EvidenceEngine, reason: str) -> EvidenceEngine:
    """Let no run read it any more. A review whose calendar names it cannot be held until the calendar is set anew.

    Raises
    ------
    NotFound, PermissionRefused, InvalidInput
        As `declare_engine`.
    Conflict
        It is withdrawn already.
    """
    ended: EvidenceEngine = end_control(EvidenceEngine.objects.filter(pk=engine.pk), actor, engine.workspace, reason)
    return ended


def engine_named(workspace: Workspace, name: str) -> EvidenceEngine:
    """Return the engine that a workspace has declared under a name; raise `NotFound` if there is none."""
    engine: EvidenceEngine | None = EvidenceEngine.objects.in_workspace(workspace).in_force().filter(name=name).first()
    if engine is None:
        raise NotFound("The workspace has declared no engine of this name.")
    return engine


def check_engine(engine: EvidenceEngine, workspace: Workspace) -> None:
    """Raise `NotFound` for an engine that is not the workspace's, or not declared any more."""
    if engine.workspace_id != workspace.pk or engine.ended_at is not None:
        raise NotFound("The workspace has declared no such engine.")
