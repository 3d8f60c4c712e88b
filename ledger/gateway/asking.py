"""One request through the gateway: the model is asked, each answer is gated and recorded, the reply says both.

Neither the state nor a question is kept: of a question its id, and a hash of its wording and options.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from confidence_project.foundation.errors import NotFound
from governance.models import Workspace
from ledger.gateway.lookups import any_decision_named, server_in_force
from ledger.gateway.protocols import Dialect, answers_of, place_of_answer, questions_of
from ledger.gateway.upstream import ModelUnreachable, Reply, ask, list_models
from ledger.gateway.verdicts import Asked, judge, mark
from ledger.models import DecisionRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A request of an SDK.

    Parameters
    ----------
    raw, body
        As it came, which is what the model gets, and what it says.
    caller, idempotency_key
        Who sent it, and under which key, if any: the same request of the same caller is the same decisions.
    case_key
        Conversation, ticket or lead, by which a canary chooses; blank: not said.
    """

    dialect: Dialect
    raw: bytes
    body: object
    caller: str
    idempotency_key: str = ""
    case_key: str = ""


@dataclass(frozen=True, slots=True)
class Gated:
    """What goes back to the client: of `answers`, `allowed` may be acted on, and `asked` are for people."""

    status: int
    body: bytes
    answers: int = 0
    allowed: int = 0
    asked: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """The strictest of all answers: one that is blocked is not made up for by others that people look at."""
        if self.allowed == self.answers:
            return "allow"
        return "ask" if self.allowed + self.asked == self.answers else "block"


def gate_request(workspace: Workspace, asking: Asking) -> Gated:
    """Ask the workspace's model, gate each answer by the policy bound to its question, commit, and only then reply.

    Raises
    ------
    InvalidInput
        The request is not in the form of the protocol.
    NotFound
        The workspace has no server for this protocol.
    ModelUnreachable
        See `upstream.ask`; or the reply is not JSON. Nothing was recorded.
    RuntimeError
        When called inside a transaction: no verdict leaves before its record is committed.
    """
    questions = questions_of(asking.dialect, asking.body)
    server = server_in_force(workspace, asking.dialect.value)
    if server is None:
        raise NotFound(
            f"This workspace has no model's server for {asking.dialect.value}. "
            "A superuser connects one: manage.py connect_model_server."
        )
    reply = ask(server, asking.dialect, asking.raw)
    if not reply.is_answer:
        return _passed_on(reply)
    said = _parsed(reply.body)
    answers = answers_of(asking.dialect, said)
    asked = Asked(
        workspace=workspace,
        dialect=asking.dialect,
        provider=server.provider,
        model=_model_in(asking.body),
        case_key=asking.case_key,
        identity=_identity(workspace, asking, len(questions)),
    )
    pairs = [(question, place_of_answer(question, questions, answers)) for question in questions]
    verdicts = judge(asked, said, answers, pairs)
    marked = mark(said, answers, verdicts, withholds=server.withholds)
    given = [verdict["verdict"] for verdict in verdicts.values()]
    return Gated(
        reply.status,
        json.dumps(marked, separators=(",", ":")).encode(),
        answers=len(given),
        allowed=given.count(DecisionRecord.Verdict.ALLOW),
        asked=given.count(DecisionRecord.Verdict.ASK),
    )


def models_of(workspace: Workspace, dialects: Sequence[Dialect]) -> Gated:
    """Return what the first connected server of these protocols lists as its models, as it came.

    Raises
    ------
    NotFound
        The workspace has no such server, or its address does not say where the list is.
    ModelUnreachable
        See `upstream.ask`.
    """
    for dialect in dialects:
        server = server_in_force(workspace, dialect.value)
        if server is not None:
            reply = list_models(server, dialect)
            return Gated(reply.status, reply.body) if reply.is_answer else _passed_on(reply)
    raise NotFound("This workspace has no model's server for this protocol.")


def _model_in(body: Any) -> str:
    model = body.get("model")
    return model.removeprefix("models/") if isinstance(model, str) else ""


def _passed_on(reply: Reply) -> Gated:
    headers = {"Retry-After": reply.retry_after} if reply.retry_after else {}
    return Gated(reply.status, reply.body, headers=headers)


def _parsed(body: bytes) -> dict[str, Any]:
    """Return the reply; what cannot be written again as it came (NaN, a key twice, half a surrogate pair) is none."""
    try:
        said = json.loads(body, parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_members)
        if isinstance(said, dict):
            json.dumps(said, ensure_ascii=False).encode()
            return said
    except (ValueError, RecursionError):
        pass
    raise ModelUnreachable("The model's server did not answer with a JSON object that can be read.")


def _no_number(name: str) -> float:
    raise ValueError(name)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(digits)
    return number


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _identity(workspace: Workspace, asking: Asking, questions: int) -> str:
    """Return the beginning of the external ids of a request's decisions.

    Without a key of the client's, the same request is another one after the window; so that a retry which falls into
    the next window finds its decisions, those of the window before are looked for.
    """
    if asking.idempotency_key:
        return f"gateway-{_digest(asking.caller, 'key', asking.idempotency_key)}"
    digest = _digest(asking.caller, "body", hashlib.sha256(asking.raw).hexdigest())
    window = int(time.time() // settings.CONFIDENCE_GATEWAY_WINDOW_SECONDS)
    earlier = f"gateway-{digest}-{window - 1}"
    is_known = any_decision_named(workspace, [f"{earlier}-{number}" for number in range(questions)])
    return earlier if is_known else f"gateway-{digest}-{window}"


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:40]
