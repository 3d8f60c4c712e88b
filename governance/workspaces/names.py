"""Names of providers and models that a workspace declared: declaring, withdrawing, and whether one is declared."""

from __future__ import annotations

import logging
from functools import cached_property

from django.db import IntegrityError, transaction
from django.utils import timezone

from confidence_project.foundation.errors import AlreadySo, FieldProblem, InvalidInput, WrongState
from governance.access.permissions import Person, Verb, require
from governance.history import record_change
from governance.models import DeclaredName, Workspace, WorkspaceEvent
from governance.texts import clean_text
from governance.vocabulary import LONGEST_NAME, is_visible

log = logging.getLogger(__name__)


class WorkspaceNames:
    """The declared names of one workspace (`vocabulary.DeclaredNames`), read when the first is asked for.

    Hardly a request has a name that needs declaring, so hardly one costs the query.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @cached_property
    def _declared(self) -> frozenset[tuple[str, str]]:
        return frozenset(DeclaredName.objects.in_workspace(self._workspace).values_list("kind", "name"))

    def has(self, kind: DeclaredName.Kind, name: str) -> bool:
        return (kind.value, name) in self._declared


def declare_name(*, actor: Person, workspace: Workspace, kind: str, name: str) -> DeclaredName:
    """Take `name` from hosts from the next request on, letter by letter.

    Parameters
    ----------
    kind
        A value of `DeclaredName.Kind`.
    name
        1 to 200 printable characters; one that is visible ASCII without white space is taken anyway.

    Raises
    ------
    NotFound, PermissionRefused, InvalidInput
        The workspace is not the actor's; the actor may not; kind or name is not valid, or needs no declaring.
    Conflict
        It is declared already.
    """
    require(Verb.OPERATE, actor, workspace)
    declared = DeclaredName(
        workspace=workspace,
        kind=_checked_kind(kind),
        name=_checked_name(name),
        declared_at=timezone.now(),
        declared_by_id=actor.pk,
        declared_by_name=actor.get_username(),
    )
    try:
        with transaction.atomic():
            declared.save(force_insert=True)
            record_change(
                WorkspaceEvent.Kind.NAME_DECLARED, workspace, actor, subject=declared.name, after={"kind": kind}
            )
    except IntegrityError as error:
        raise AlreadySo("This name is declared already.") from error
    log.info("a name of a %s declared in %s by %s", kind, workspace.slug, actor.get_username())
    return declared


def withdraw_name(*, actor: Person, workspace: Workspace, kind: str, name: str) -> None:
    """Refuse `name` again from the next request on; records that carry it stay as they are.

    Raises
    ------
    NotFound, PermissionRefused, InvalidInput
        As `declare_name`.
    Conflict
        It is not declared (any more).
    """
    require(Verb.OPERATE, actor, workspace)
    rows = DeclaredName.objects.in_workspace(workspace).filter(kind=_checked_kind(kind), name=name)
    with transaction.atomic():
        if rows.delete()[0] != 1:
            raise WrongState("This name is not declared (any more).")
        record_change(WorkspaceEvent.Kind.NAME_WITHDRAWN, workspace, actor, subject=name, before={"kind": kind})
    log.info("a name of a %s withdrawn in %s by %s", kind, workspace.slug, actor.get_username())


def _checked_kind(kind: str) -> str:
    if kind not in DeclaredName.Kind.values:
        detail = f"is one of {', '.join(DeclaredName.Kind.values)}"
        raise InvalidInput(f"The kind {detail}.", [FieldProblem("/kind", "value", detail)])
    return kind


def _checked_name(name: str) -> str:
    name = clean_text(name, name="name", max_length=LONGEST_NAME, required=True)
    if not name.isprintable():
        detail = "has printable characters in one line, and plain blanks between words"
    elif is_visible(name):
        detail = "has no white space and needs no declaring: hosts may send it as it is"
    else:
        return name
    raise InvalidInput(f"The name {detail}.", [FieldProblem("/name", "value", detail)])
