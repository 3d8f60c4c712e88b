"""What governs the decisions of a workspace, as this process last read it, and the version under which it was read.

A version stands for everything that governs: as long as it is the same, so is what was read under it. Readers compare
before they answer (`read_contexts`), writers when they commit: in their statement, or by `hold` at the end of their
transaction. What changed in between is read and judged anew, so nothing is committed under what does not govern any
more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils import timezone

from confidence_project.foundation.kept import Kept
from confidence_project.foundation.prepared import fetch
from confidence_project.foundation.submissions import TryAgain
from governance.access.authentication import require_usable
from governance.definitions import DEFINITIONS, PolicyDefinition, get_definition
from governance.models import Workspace
from governance.models.versions import TABLE
from governance.policies.context import GateContext, context_of
from governance.policies.read_path import VERSION, read_rows

MOST = 4096
"""Contexts that a process keeps, one for each policy key of a workspace."""

CURRENT_VERSION = f"SELECT version FROM {TABLE} WHERE workspace_id = %s"  # noqa: S608
HOLDS = "confidence_version_holds(%s, %s)"
"""True, until the transaction ends: the version of the workspace (1) is this one (2). PostgreSQL."""


@dataclass(frozen=True, slots=True)
class _Read:
    context: GateContext
    definition: PolicyDefinition
    switched_off: bool


_KEPT: Kept[tuple[int, str], _Read] = Kept(MOST)


def last_read(workspace: Workspace, policy_key: str) -> GateContext | None:
    """Return what governed a policy key when it was last read, None when that is not known.

    It may have changed since: whoever acts on it has the database compare its version.
    """
    read = _KEPT.get((workspace.pk, policy_key))
    if read is None or (read.context.until is not None and read.context.until <= timezone.now()):
        return None
    # By identity: a definition that was registered anew is another.
    unchanged = read.definition is DEFINITIONS.get(policy_key)
    return read.context if unchanged and read.switched_off is settings.CONFIDENCE_KILL_SWITCH else None


def read_context(workspace: Workspace, policy_key: str) -> GateContext:
    """Return what governs one policy key now; see `read_contexts`."""
    return read_contexts(workspace, [policy_key])[policy_key]


def read_contexts(workspace: Workspace, policy_keys: Iterable[str]) -> Mapping[str, GateContext]:
    """Return what governs each policy key now, all as of one moment: one statement, two where it has changed.

    Raises
    ------
    UnknownPolicyKey
        No definition is registered under one of the keys.
    NotFound
        The workspace is gone.
    """
    definitions = {policy_key: get_definition(policy_key) for policy_key in policy_keys}
    kept = {policy_key: last_read(workspace, policy_key) for policy_key in definitions}
    known = {policy_key: context for policy_key, context in kept.items() if context is not None}
    versions = {context.governed_by for context in known.values()}
    if len(known) == len(definitions) and (not known or versions == {current_version(workspace.pk)}):
        return known
    return _read_anew(workspace, definitions)


def current_version(workspace_id: int) -> UUID | None:
    """Return the version that stands now; None: the workspace has none, and nothing can be committed under it."""
    rows = fetch(CURRENT_VERSION, [str(workspace_id)])
    return UUID(rows[0][0]) if rows else None


def hold(workspace: Workspace, version: UUID | None) -> None:
    """Keep `version` in force until the transaction ends, and the key usable through which the workspace was reached.

    Call it last, with everything written: a change of what governs waits for this transaction from here on.

    Raises
    ------
    TryAgain
        Another version is in force by now.
    AuthenticationFailed
        The key was revoked or has expired meanwhile.
    """
    if connection.vendor == "postgresql":
        owner_and_version = [str(workspace.pk), None if version is None else str(version)]
        holds = bool(fetch(f"SELECT 1 WHERE {HOLDS}", owner_and_version))
    else:
        # The transaction took the lock of all writers at its beginning.
        holds = version is not None and current_version(workspace.pk) == version
    if not holds:
        raise TryAgain(lambda: _hold_still(workspace))
    key = workspace.asked_by
    if key is not None and key.governed_by != version:
        require_usable(key)


def _hold_still(workspace: Workspace) -> None:
    if connection.vendor == "postgresql":
        # The lock is what is wanted, and not the answer.
        fetch(f"SELECT {HOLDS}", [str(workspace.pk), None])


def _read_anew(workspace: Workspace, definitions: Mapping[str, PolicyDefinition]) -> Mapping[str, GateContext]:
    now = timezone.now()
    rows = read_rows(workspace.pk, definitions, now)
    version = next((UUID(row.value) for row in rows if row.kind == VERSION), None)
    contexts = {}
    for policy_key, definition in definitions.items():
        context = contexts[policy_key] = context_of(definition, rows, version)
        if version is not None:
            _KEPT.put((workspace.pk, policy_key), _Read(context, definition, settings.CONFIDENCE_KILL_SWITCH))
    return contexts
