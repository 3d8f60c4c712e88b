"""Recording AI calls from inside the process: who, how long, how many tokens, how it ended; never what was said."""

from __future__ import annotations

import functools
import inspect
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, ParamSpec, TypedDict, TypeVar, Unpack, cast

import uuid_utils.compat
from asgiref.sync import sync_to_async
from django.db import IntegrityError, transaction
from django.utils import timezone
from pydantic import ValidationError

from confidence_project.foundation.errors import Conflict, InvalidInput
from confidence_project.foundation.validation import problems_in
from governance.clock import check_time
from governance.models import Workspace
from governance.vocabulary import NameKind, host_id_or_blank, identifier_or_blank, name_or_blank, rule_of
from governance.workspaces.names import WorkspaceNames
from telemetry.contracts import InteractionEnvelope
from telemetry.metadata import sanitize_metadata
from telemetry.models import AIInteraction

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

MOST_TOKENS = 2_147_483_647


class InteractionFields(TypedDict, total=False):
    """What `record_interaction` takes beside workspace and metadata; see `InteractionEnvelope`."""

    external_id: str
    created_at: datetime
    feature_id: str
    prompt_key: str
    provider: str
    model: str
    operation: str
    status: str
    error_type: str
    input_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    cached_tokens: int | None
    duration_ms: float | None
    trace_id: str
    span_id: str
    response_id: str


def record_interaction(
    *, workspace: Workspace, metadata: object = None, **fields: Unpack[InteractionFields]
) -> AIInteraction:
    """Store one AI call; of `metadata` only what the allowlist declares.

    Inside a transaction the record shares that transaction's fate. Without an `external_id` it gets a UUIDv7.

    Raises
    ------
    InvalidInput
        A field is not a name, a number or a time as `InteractionEnvelope` demands.
    Conflict
        The external id is taken.
    """
    defaults = {"external_id": str(uuid_utils.compat.uuid7()), "created_at": timezone.now()}
    given = defaults | {name: value for name, value in fields.items() if value not in ("", None)}
    try:
        columns = InteractionEnvelope.model_validate(given, context=WorkspaceNames(workspace)).model_dump(
            exclude={"metadata"}
        )
    except ValidationError as error:
        raise _invalid(error) from None
    check_time(columns["created_at"], workspace, "created_at")
    sanitized = sanitize_metadata(metadata)
    try:
        # A savepoint: a failed insert must not spoil the transaction of the caller.
        with transaction.atomic():
            return AIInteraction.objects.create(
                workspace=workspace,
                metadata=sanitized.clean,
                metadata_removed=dict(sanitized.removed) or None,
                **columns,
            )
    except IntegrityError:
        raise Conflict("An interaction with this external_id exists; a new one needs an id of its own.") from None


def _invalid(error: ValidationError) -> InvalidInput:
    problems = problems_in(error)
    names = sorted({problem.pointer.removeprefix("/") for problem in problems})
    return InvalidInput(f"These fields of the interaction are not valid: {', '.join(names)}.", problems)


@dataclass(slots=True, kw_only=True)
class TrackedCall:
    """A call while it runs. Whoever makes it may fill in what only the answer tells; `observe` does it for most.

    `interaction` is there once the call has ended, and stays None when its telemetry could not be written.
    """

    workspace: Workspace
    feature_id: str = ""
    prompt_key: str = ""
    provider: str = ""
    model: str = ""
    operation: str = ""
    metadata: object = None
    response_id: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    interaction: AIInteraction | None = None
    _answered: object = field(default=None, init=False, repr=False)

    def observe(self, response: object) -> None:
        """Take resolved model, id and token counts from a response of the OpenAI protocol (an object or a dict)."""
        try:
            self._take(response)
        except Exception as error:
            logger.warning("AI call not observed: %s", type(error).__name__)

    def _take(self, response: object) -> None:
        usage = _read(response, "usage")
        self._answered = _read(response, "model")
        self.model = identifier_or_blank(self._answered) or self.model
        self.response_id = host_id_or_blank(_read(response, "id")) or self.response_id
        self.input_tokens = _first_count(_read(usage, "input_tokens"), _read(usage, "prompt_tokens"), self.input_tokens)
        self.output_tokens = _first_count(
            _read(usage, "output_tokens"), _read(usage, "completion_tokens"), self.output_tokens
        )
        self.cached_tokens = _first_count(
            _read(_read(usage, "input_tokens_details"), "cached_tokens"),
            _read(_read(usage, "prompt_tokens_details"), "cached_tokens"),
            self.cached_tokens,
        )
        self.reasoning_tokens = _first_count(
            _read(_read(usage, "output_tokens_details"), "reasoning_tokens"),
            _read(_read(usage, "completion_tokens_details"), "reasoning_tokens"),
            self.reasoning_tokens,
        )

    def settle_names(self) -> None:
        """Leave out a name that nobody declared: the call itself stays on record. Asks the database."""
        declared = WorkspaceNames(self.workspace)
        self.model = name_or_blank(NameKind.MODEL, self._answered, declared) or self.model
        for kind in NameKind:
            given = getattr(self, kind.value)
            if given and not name_or_blank(kind, given, declared):
                logger.warning("AI call recorded without its %s, whose name %s.", kind.value, rule_of(kind))
                setattr(self, kind.value, "")


def _read(source: object, name: str) -> object:
    return source.get(name) if isinstance(source, Mapping) else getattr(source, name, None)


def _first_count(*candidates: object) -> int | None:
    for value in candidates:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS:
            return value
    return None


class _CallFields(TypedDict, total=False):
    workspace: Workspace
    feature_id: str
    prompt_key: str
    provider: str
    model: str
    operation: str
    metadata: object


class track_ai_call:  # noqa: N801
    """Record the AI call that is made inside: `with`, `async with`, or a decorator on a function or a coroutine.

    The record is written when the call ends, on the same thread, also when it raises; of an exception only the name
    of its class is kept. A failure to record is logged and never reaches the caller.

    As a context manager it gives a `TrackedCall`; hand the response to its `observe`. As a decorator it observes
    what the function returns, and takes the workspace from the function's own `workspace` argument unless one is
    given here. Streams belong into the context manager, because they end after the function that opens them.
    """

    def __init__(self, **fields: Unpack[_CallFields]) -> None:
        self._fields = fields

    def __enter__(self) -> TrackedCall:
        self._call = TrackedCall(**self._fields)
        self._created_at = timezone.now()
        self._started = time.perf_counter()
        return self._call

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _record(self._call, self._created_at, _milliseconds_since(self._started), kind)

    async def __aenter__(self) -> TrackedCall:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await sync_to_async(_record)(self._call, self._created_at, _milliseconds_since(self._started), kind)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError("track_ai_call cannot wrap a generator: use it as a context manager around the stream.")
        signature = inspect.signature(function)
        if "workspace" not in self._fields and "workspace" not in signature.parameters:
            raise TypeError("track_ai_call needs a workspace: give one, or wrap a function that takes `workspace`.")

        def of_one_call(args: Any, kwargs: Any) -> track_ai_call:
            given = signature.bind(*args, **kwargs).arguments
            fields = self._fields.copy()
            fields.setdefault("workspace", cast("Workspace", given.get("workspace")))
            return track_ai_call(**fields)

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def tracked_coroutine(*args: P.args, **kwargs: P.kwargs) -> Any:
                async with of_one_call(args, kwargs) as call:
                    result = await function(*args, **kwargs)
                    call.observe(result)
                    return result

            return cast("Callable[P, R]", tracked_coroutine)

        @functools.wraps(function)
        def tracked(*args: P.args, **kwargs: P.kwargs) -> R:
            with of_one_call(args, kwargs) as call:
                result = function(*args, **kwargs)
                call.observe(result)
                return result

        return tracked


def _milliseconds_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def _class_name(kind: type[BaseException]) -> str:
    return identifier_or_blank(kind.__name__.lstrip("_")) or "Exception"


def _record(call: TrackedCall, created_at: datetime, duration_ms: float, kind: type[BaseException] | None) -> None:
    try:
        call.settle_names()
        call.interaction = record_interaction(
            workspace=call.workspace,
            created_at=created_at,
            feature_id=call.feature_id,
            prompt_key=call.prompt_key,
            provider=call.provider,
            model=call.model,
            operation=call.operation,
            response_id=call.response_id,
            status=AIInteraction.Status.ERROR if kind else AIInteraction.Status.OK,
            error_type=_class_name(kind) if kind else "",
            input_tokens=call.input_tokens,
            output_tokens=call.output_tokens,
            reasoning_tokens=call.reasoning_tokens,
            cached_tokens=call.cached_tokens,
            duration_ms=duration_ms,
            metadata=call.metadata,
        )
    except InvalidInput as error:
        logger.warning("AI call not recorded: %s", error.detail)
    except Exception as error:
        logger.warning("AI call not recorded: %s", type(error).__name__)
