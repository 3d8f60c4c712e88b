"""Writes of the gateway: which server it asks for a workspace, and which policy gates which question."""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

from django.db import transaction

from confidence_project.foundation.errors import FieldProblem, InvalidInput
from confidence_project.foundation.outbound import Destinations
from governance.access.permissions import Person, Verb, require, require_superuser
from governance.controls.services import end_control, start_control
from governance.definitions import FieldKind, get_definition
from governance.models import Workspace
from governance.texts import clean_text
from governance.vocabulary import NameKind, name_or_blank, rule_of
from governance.workspaces.names import WorkspaceNames
from ledger.models import ModelServer, QuestionBinding

MODEL_HOSTS = Destinations("CONFIDENCE_MODEL_HOSTS", "CONFIDENCE_MODEL_ALLOW_PRIVATE")

KEY_PREFIX = "CONFIDENCE_MODEL_KEY_"
"""Names of variables with keys of models begin so: no row can have any other secret of the deployment sent away."""

WHO_CONNECTS = "A superuser may connect a model's server: its key is the deployment's."

QUESTION_LENGTH = 200
LONGEST_SECONDS = 600
LARGEST_REPLY = 64 * 1024**2


def connect_model_server(
    *,
    actor: Person,
    workspace: Workspace,
    dialect: str,
    url: str,
    reason: str,
    provider: str = "",
    key_variable: str = "",
    timeout_seconds: float = 30.0,
    max_reply_bytes: int = 1024**2,
    withholds: bool = False,
) -> ModelServer:
    """Have the gateway ask `url` for the workspace, in place of the server of this protocol before.

    Parameters
    ----------
    dialect
        A value of `ModelServer.Dialect`.
    url
        The endpoint in full, like `https://api.openai.com/v1/decisions`; its host is one of `CONFIDENCE_MODEL_HOSTS`.
    provider
        The name under which decisions are recorded; blank: the host of `url`.
    key_variable
        Name of the environment variable with the model's key, which begins with `CONFIDENCE_MODEL_KEY_`.

    Raises
    ------
    NotFound, PermissionRefused
        The workspace is not the actor's; the actor is no superuser.
    InvalidInput
        A value is not valid; the problem names the field.
    """
    require(Verb.SEE, actor, workspace)
    require_superuser(actor, WHO_CONNECTS)
    url = clean_text(url, name="url", max_length=500, required=True)
    MODEL_HOSTS.check_url(url)
    provider = clean_text(provider, name="provider", max_length=200) or str(urlsplit(url).hostname)
    if not name_or_blank(NameKind.PROVIDER, provider, WorkspaceNames(workspace)):
        raise _refused("provider", rule_of(NameKind.PROVIDER))
    _check_bounds(dialect, timeout_seconds, max_reply_bytes)
    server = ModelServer(
        dialect=dialect,
        url=url,
        provider=provider,
        key_variable=_checked_variable(key_variable),
        timeout_seconds=timeout_seconds,
        max_reply_bytes=max_reply_bytes,
        withholds=withholds,
    )
    with transaction.atomic():
        workspace.lock()
        before = ModelServer.objects.filter(dialect=dialect)
        if before.in_workspace(workspace).in_force().exists():
            end_control(before, actor, workspace, reason)
        return start_control(server, actor, workspace, reason)


def disconnect_model_server(*, actor: Person, workspace: Workspace, dialect: str, reason: str) -> ModelServer:
    """Ask the server of this protocol no longer. An admin of the workspace may, too: it only closes.

    Raises
    ------
    NotFound, PermissionRefused, InvalidInput
        The workspace is not the actor's; the actor may not; the reason is empty.
    Conflict
        None is connected (any more).
    """
    ended: ModelServer = end_control(ModelServer.objects.filter(dialect=dialect), actor, workspace, reason)
    return ended


def bind_question(
    *, actor: Person, workspace: Workspace, question: str, policy_key: str, reason: str
) -> QuestionBinding:
    """Gate answers to `question` by a policy, in place of the one before; blank: every question that is not bound.

    Raises
    ------
    NotFound, PermissionRefused, UnknownPolicyKey, InvalidInput
        The workspace is not the actor's; the actor may not; the policy reads no answers, or those of another question,
        or asks for a risk score, which no answer has; the reason is empty.
    """
    require(Verb.OPERATE, actor, workspace)
    question = clean_text(question, name="question", max_length=QUESTION_LENGTH)
    definition = get_definition(policy_key)
    if definition.answer is None or not definition.gates_decisions:
        raise _refused("policy_key", "states no rule for answers of decision models")
    named = definition.answer.questions or (definition.answer.question or question,)
    if question not in named:
        raise _refused("policy_key", "reads the answers to other questions")
    if definition.field_of_kind(FieldKind.RISK_THRESHOLD) is not None:
        raise _refused("policy_key", "asks for a risk score, which an answer does not have")
    with transaction.atomic():
        workspace.lock()
        before = QuestionBinding.objects.filter(question=question)
        if before.in_workspace(workspace).in_force().exists():
            end_control(before, actor, workspace, reason)
        return start_control(QuestionBinding(question=question, policy_key=policy_key), actor, workspace, reason)


def unbind_question(*, actor: Person, workspace: Workspace, question: str, reason: str) -> QuestionBinding:
    """Gate answers to `question` no longer: nothing is allowed on them. Raises as `disconnect_model_server`."""
    ended: QuestionBinding = end_control(QuestionBinding.objects.filter(question=question), actor, workspace, reason)
    return ended


def _checked_variable(name: str) -> str:
    name = clean_text(name, name="key_variable", max_length=100)
    if name and not re.fullmatch(f"{KEY_PREFIX}[A-Z0-9_]+", name):
        raise _refused("key_variable", f"begins with {KEY_PREFIX}, and goes on with capitals, digits or _")
    if name and not os.environ.get(name):
        raise _refused("key_variable", "is not set in the environment of this process; set it for every server process")
    return name


def _check_bounds(dialect: str, timeout_seconds: float, max_reply_bytes: int) -> None:
    if dialect not in ModelServer.Dialect.values:
        raise _refused("dialect", f"is one of {', '.join(ModelServer.Dialect.values)}")
    if not 0.1 <= timeout_seconds <= LONGEST_SECONDS:
        raise _refused("timeout_seconds", f"is a number of seconds from 0.1 to {LONGEST_SECONDS}")
    if not 1 <= max_reply_bytes <= LARGEST_REPLY:
        raise _refused("max_reply_bytes", f"is a number of bytes from 1 to {LARGEST_REPLY}")


def _refused(field: str, rule: str) -> InvalidInput:
    return InvalidInput(f"{field} {rule}.", [FieldProblem(f"/{field}", "value", rule)])
