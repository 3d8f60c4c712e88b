"""Policy keys made in the desk: one superuser proposes, another confirms, and every process knows the key.

A definition that was confirmed never changes, and no other takes its key: what a record under it meant, it means. So a
process only ever has to learn of keys that it does not know yet, and asks for them when it meets one.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Sequence

from django.core import checks
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from confidence_project.foundation.errors import AlreadySo, InvalidInput, NotFound, PermissionRefused, WrongState
from confidence_project.foundation.request_id import current_request_id
from governance.access.permissions import Person, Verb, require_superuser, who_may
from governance.declared import definition_of, definitions_in, table_of
from governance.definitions import DEFINITIONS, PolicyDefinition, all_definitions, check
from governance.models import PolicyKey, PolicyKeyEvent
from governance.texts import clean_text

REASON_LENGTH = 500
LONGEST_TEXT = 20_000

log = logging.getLogger(__name__)


def propose_policy_key(*, actor: Person, text: str, reason: str) -> PolicyKey:
    """Propose a policy key for every workspace; it is none until another superuser confirms it.

    Parameters
    ----------
    text
        The TOML of one policy, as in a definitions file.

    Raises
    ------
    PermissionRefused
        The actor is no superuser.
    InvalidInput
        The text is not the definition of one policy, or the reason is empty; it names policy and key.
    Conflict
        The key is taken, by code, a file or the desk, or waits to be confirmed.
    """
    require_superuser(actor, who_may(Verb.DEFINE))
    reason = clean_text(reason, name="reason", max_length=REASON_LENGTH, required=True)
    definitions = definitions_in(clean_text(text, name="definition", max_length=LONGEST_TEXT, required=True))
    if len(definitions) != 1:
        raise InvalidInput("Propose one policy at a time: each is confirmed by itself.")
    definition = definitions[0]
    _require_free(definition)
    if PolicyKey.objects.filter(policy_key=definition.key, event=None).exists():
        raise AlreadySo("This policy key waits to be confirmed already.")
    return PolicyKey.objects.create(
        policy_key=definition.key,
        definition=json.dumps(table_of(definition), sort_keys=True),
        reason=reason,
        actor_id=actor.pk,
        actor_name=actor.get_username(),
        request_id=current_request_id(),
        at=timezone.now(),
    )


def confirm_policy_key(*, actor: Person, proposed_id: int, reason: str) -> PolicyKeyEvent:
    """Make a proposed policy key one, for good: every process knows it from its next decision on.

    Raises
    ------
    NotFound, PermissionRefused, InvalidInput
        There is no such row; the actor is no superuser, or is the one who proposed it; the reason is empty.
    Conflict
        It was confirmed or refused already, or the key was taken meanwhile.
    """
    require_superuser(actor, who_may(Verb.DEFINE))
    row = _proposed(proposed_id)
    if not may_confirm(actor, row):
        raise PermissionRefused(f"This needs a second person. {who_may(Verb.DEFINE)}")
    _require_free(read_definition(row))
    event = _end(row, PolicyKeyEvent.Verb.CONFIRMED, actor, reason)
    log.warning("policy key %s confirmed by %s", row.policy_key, actor.get_username())
    return event


def refuse_policy_key(*, actor: Person, proposed_id: int, reason: str) -> PolicyKeyEvent:
    """End a proposed policy key, as anybody who may propose one. Raises as `confirm_policy_key`."""
    require_superuser(actor, who_may(Verb.DEFINE))
    return _end(_proposed(proposed_id), PolicyKeyEvent.Verb.REFUSED, actor, reason)


def may_confirm(person: Person, row: PolicyKey) -> bool:
    """True for everybody but the one who proposed it."""
    return row.actor_id != person.pk


def read_definition(row: PolicyKey) -> PolicyDefinition:
    """Return the definition that a row holds."""
    return definition_of(row.policy_key, json.loads(row.definition))


def confirmed_besides(known: Collection[str]) -> list[PolicyDefinition]:
    """Return the definitions that were confirmed in the desk, but for the known keys."""
    rows = PolicyKey.objects.filter(event__verb=PolicyKeyEvent.Verb.CONFIRMED).exclude(policy_key__in=known)
    return [read_definition(row) for row in rows]


def check_policy_keys(databases: Sequence[str] | None = None, **kwargs: object) -> list[checks.CheckMessage]:
    """Fail `manage.py check --database …` where code or a file defines a key that the desk defined otherwise."""
    if not databases or PolicyKey._meta.db_table not in connection.introspection.table_names():
        return []
    return [
        checks.Error(
            f"Policy key {each.key} is defined in the desk, and otherwise in code or in a definitions file.",
            hint="What is on record under it follows the desk: give the other definition a key of its own.",
            id="confidence.E005",
        )
        for each in confirmed_besides(())
        if DEFINITIONS.get(each.key) not in (None, each)
    ]


def _require_free(definition: PolicyDefinition) -> None:
    taken = any(each.key == definition.key for each in all_definitions())
    check(definition)
    if taken:
        raise AlreadySo("This policy key is taken, and what it means does not change: choose another.")


def _proposed(proposed_id: int) -> PolicyKey:
    row = PolicyKey.objects.filter(pk=proposed_id).first()
    if row is None:
        raise NotFound("There is no such policy key.")
    return row


def _end(row: PolicyKey, verb: PolicyKeyEvent.Verb, actor: Person, reason: str) -> PolicyKeyEvent:
    reason = clean_text(reason, name="reason", max_length=REASON_LENGTH, required=True)
    try:
        with transaction.atomic():
            return PolicyKeyEvent.objects.create(
                proposed=row,
                policy_key=row.policy_key,
                verb=verb,
                reason=reason,
                actor_id=actor.pk,
                actor_name=actor.get_username(),
                request_id=current_request_id(),
                at=timezone.now(),
            )
    except IntegrityError as error:
        raise WrongState("This was confirmed or refused already, or its key was taken.") from error
