"""Mappings that are kept by name, so that the next file of a kind needs one option."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import IntegrityError, transaction

from confidence_project.foundation.errors import Conflict, InvalidInput, NotFound
from governance.access.permissions import Person, Verb, require
from governance.models import Workspace
from ledger.imports.forms import FORMS
from ledger.imports.mapping import ImportMapping
from ledger.models.imports import NAME_LENGTH, SavedMapping


def save_mapping(*, workspace: Workspace, name: str, mapping: ImportMapping) -> SavedMapping:
    """Keep a mapping under a name, in place of the one before."""
    _check_name(name)
    kept, _ = SavedMapping.objects.update_or_create(
        workspace=workspace, name=name, defaults={"mapping": mapping.as_json()}
    )
    return kept


def rename_mapping(*, actor: Person, kept: SavedMapping, name: str) -> None:
    """Keep a mapping under another name.

    Raises
    ------
    NotFound, PermissionRefused
        The actor may not import here, or the mapping was deleted meanwhile.
    InvalidInput, Conflict
        The name is none, or another mapping has it.
    """
    require(Verb.OPERATE, actor, kept.workspace)
    _check_name(name)
    try:
        with transaction.atomic():
            renamed = SavedMapping.objects.filter(pk=kept.pk).update(name=name)
    except IntegrityError:
        raise Conflict("Another mapping of the workspace has this name.") from None
    if not renamed:
        raise NotFound("The mapping was deleted meanwhile.")


def delete_mapping(*, actor: Person, kept: SavedMapping) -> None:
    """Delete a mapping; what was imported by it stays.

    Raises
    ------
    NotFound, PermissionRefused
        The actor may not import here.
    """
    require(Verb.OPERATE, actor, kept.workspace)
    SavedMapping.objects.filter(pk=kept.pk).delete()


def _check_name(name: str) -> None:
    try:
        validate_slug(name)
    except ValidationError as error:
        raise InvalidInput("The name of a mapping has letters, digits, hyphens and underscores.") from error
    if len(name) > NAME_LENGTH:
        raise InvalidInput(f"The name of a mapping has at most {NAME_LENGTH} characters.")


def saved_mapping(workspace: Workspace, name: str) -> Mapping[str, Any]:
    """Return the JSON form of a mapping that was kept; raise `NotFound` where there is none."""
    kept = SavedMapping.objects.in_workspace(workspace).filter(name=name).first()
    if kept is None:
        names = SavedMapping.objects.in_workspace(workspace).values_list("name", flat=True)[:20]
        raise NotFound(f"No mapping of this name is saved; saved are: {', '.join(names) or 'none'}.")
    mapping: Mapping[str, Any] = kept.mapping
    return mapping


@dataclass(frozen=True, slots=True)
class OfferedMapping:
    """A mapping that somebody may start from: `key` names it in an address, `label` to people."""

    key: str
    label: str
    mapping: Mapping[str, Any]


def offered_mappings(workspace: Workspace) -> list[OfferedMapping]:
    """Return every mapping that an import of the workspace may start from."""
    kept = SavedMapping.objects.in_workspace(workspace)
    saved = [OfferedMapping(f"saved:{each.name}", f"Saved: {each.name}", each.mapping) for each in kept]
    return [*saved, *(OfferedMapping(f"form:{name}", form.holds, form.mapping) for name, form in FORMS.items())]
