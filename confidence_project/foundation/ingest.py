"""What every ingestion endpoint shares: from a body to validated submissions, and from what became of them to a reply.

A body is one JSON object, an array of them, or NDJSON (an object a line). Items stand for themselves: one that is
not valid is reported with its index and never costs the others.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from django.conf import settings
from django.http import HttpRequest
from pydantic import BaseModel, TypeAdapter, ValidationError
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response

from confidence_project.foundation.bodies import media_type, read_body
from confidence_project.foundation.errors import DomainError, FieldProblem, InvalidInput
from confidence_project.foundation.problems import ProblemError, listed
from confidence_project.foundation.submissions import Stored, Submission
from confidence_project.foundation.validation import problems_in

JSON = "application/json"
NDJSON = "application/x-ndjson"

LONGEST_INTEGER = 1_000
"""Digits. A longer one is infinite for every contract, instead of costing quadratic time or the whole body."""

NO_JSON = "The body is not valid JSON in UTF-8."
REPEATED_KEY = "names a key twice, and only one of the values could count"


class RepeatedKey(ValueError):
    """A JSON object has two members of one name."""


class Identified(Protocol):
    """A contract's item: it carries the host's own id."""

    @property
    def external_id(self) -> str: ...


ItemT = TypeVar("ItemT", bound=Identified)
ObjectT = TypeVar("ObjectT")
RecordT = TypeVar("RecordT")


class TooManyItems(APIException):
    """A bulk holds more than `CONFIDENCE_MAX_BULK_ITEMS`."""

    status_code = 413
    default_code = "too_many_items"


@dataclass(slots=True)
class Batch(Generic[ItemT]):
    """What a body held: submissions with the index of each, and the problems of the items that were refused.

    `known` is the context of the validation: what the contract cannot know by itself.
    """

    single: bool
    known: object = None
    submissions: list[Submission[ItemT]] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)
    problems: list[FieldProblem] = field(default_factory=list)

    def take(self, index: int, raw: object, contract: TypeAdapter[ItemT]) -> None:
        """Validate one item into a submission or into problems."""
        try:
            item = contract.validate_python(raw, context=self.known)
            body = _CANONICAL.encode(raw).encode()
        except ValidationError as error:
            self.problems += problems_in(error, index=None if self.single else index)
        except RecursionError:
            self.refuse(index, "too_deep", "is nested too deeply")
        else:
            self.submissions.append(Submission(item.external_id, hashlib.sha256(body).hexdigest(), item))
            self.indexes.append(index)

    def refuse(self, index: int, code: str, detail: str) -> None:
        """Refuse the item as a whole."""
        self.problems.append(FieldProblem("", code, detail, None if self.single else index))


def read_batch(request: HttpRequest, contract: TypeAdapter[ItemT], known: object = None) -> Batch[ItemT]:
    """Read and validate the body of `request`.

    Raises
    ------
    ParseError, BodyTooLarge, UnsupportedMediaType, TooManyItems
        Nothing of the body could be used.
    """
    if media_type(request) == JSON:
        return _read_json(read_body(request), contract, known)
    if media_type(request) == NDJSON:
        return _read_ndjson(read_body(request), contract, known)
    raise UnsupportedMediaType("", detail=f"Send {JSON} (an object or an array) or {NDJSON}.")


def read_object(request: HttpRequest, contract: TypeAdapter[ObjectT]) -> ObjectT:
    """Read and validate a body that is one JSON object.

    Raises
    ------
    ParseError, BodyTooLarge, UnsupportedMediaType
        The body could not be used.
    InvalidInput
        A field is not valid; the problems point at it.
    """
    if media_type(request) != JSON:
        raise UnsupportedMediaType("", detail=f"Send {JSON}.")
    try:
        return contract.validate_python(read_document(read_body(request)))
    except ValidationError as error:
        raise InvalidInput("The object is not valid; nothing was changed.", problems_in(error)) from error
    except RecursionError as error:
        raise ParseError(NO_JSON) from error


def plain_submission(body: bytes, contract: TypeAdapter[ItemT], known: object = None) -> Submission[ItemT] | None:
    """Return what `read_batch` makes of a body of JSON that is one sound object, None for any other."""
    if len(body) > settings.CONFIDENCE_MAX_BODY_BYTES:
        return None
    document = read_document(body)
    batch: Batch[ItemT] = Batch(True, known)
    if isinstance(document, dict):
        batch.take(0, document, contract)
    return batch.submissions[0] if batch.submissions else None


def _read_json(body: bytes, contract: TypeAdapter[ItemT], known: object) -> Batch[ItemT]:
    document = read_document(body)
    items = document if isinstance(document, list) else [document]
    _check_count(len(items))
    batch: Batch[ItemT] = Batch(not isinstance(document, list), known)
    for index, item in enumerate(items):
        batch.take(index, item, contract)
    return batch


def _read_ndjson(body: bytes, contract: TypeAdapter[ItemT], known: object) -> Batch[ItemT]:
    lines = [(index, line) for index, line in enumerate(body.split(b"\n")) if line.strip()]
    _check_count(len(lines))
    batch: Batch[ItemT] = Batch(False, known)
    for index, line in lines:
        try:
            item = _parse(line)
        except RepeatedKey:
            batch.refuse(index, "repeated_key", REPEATED_KEY)
        except (ValueError, RecursionError):
            batch.refuse(index, "json", "is not valid JSON in UTF-8")
        else:
            batch.take(index, item, contract)
    return batch


def read_document(body: bytes) -> Any:
    """Return the JSON of a body; raise `ParseError` for what is none, or names a key twice."""
    try:
        return _parse(body)
    except RepeatedKey as error:
        raise ParseError(f"An object of the body {REPEATED_KEY}.") from error
    except (ValueError, RecursionError) as error:
        raise ParseError(NO_JSON) from error


def _parse(text: bytes) -> Any:
    # NaN, Infinity and lone surrogates are let through here, because a contract refuses them with a pointer,
    # item by item; the parser would refuse the whole body.
    return _DECODER.decode(text.decode("utf-8-sig"))


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise RepeatedKey
    return members


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= LONGEST_INTEGER else math.inf


_DECODER = json.JSONDecoder(parse_int=_integer, object_pairs_hook=_members)

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
"""What tells whether two bodies are the same."""


def _check_count(count: int) -> None:
    limit: int = settings.CONFIDENCE_MAX_BULK_ITEMS
    if count > limit:
        raise TooManyItems(f"More than {limit} items. Send them in smaller parts.")
    if count == 0:
        raise InvalidInput("The body holds no item.")


def ingest(
    request: Request,
    contract: TypeAdapter[ItemT],
    *,
    known: object = None,
    write: Callable[..., Sequence[Stored[RecordT] | DomainError]],
    show: Callable[[RecordT], dict[str, Any]],
    show_in_bulk: Callable[[RecordT], dict[str, Any]],
) -> Response:
    """Read the request, write what is valid, and reply.

    One object: 201 with the record, 200 with the first record on a repetition, the error as a problem otherwise.
    A bulk: 201 or 200 when nothing was rejected, 207 when some items were kept, a 422 problem when none was.

    Parameters
    ----------
    known
        The context of the contract's validation: names that the workspace declared.
    write
        The service, called with `submissions=`; answers each, in their order.
    show, show_in_bulk
        A record as the reply to a single object, and as an entry of `results`.
    """
    batch = read_batch(request._request, contract, known)
    if batch.single and batch.problems:
        raise InvalidInput("The object is not valid; nothing was kept.", batch.problems)
    answers = write(submissions=batch.submissions) if batch.submissions else []
    if batch.single:
        (answer,) = answers
        if isinstance(answer, DomainError):
            raise answer
        return Response(show(answer.record), status=201 if answer.created else 200)
    return _bulk_reply(batch, answers, show_in_bulk)


class BulkReply(BaseModel):
    """What became of a bulk."""

    created: int
    duplicates: int
    rejected: int
    results: list[dict[str, Any]]
    errors: list[ProblemError]


def _bulk_reply(
    batch: Batch[ItemT],
    answers: Sequence[Stored[RecordT] | DomainError],
    show: Callable[[RecordT], dict[str, Any]],
) -> Response:
    results: list[dict[str, Any]] = []
    problems = list(batch.problems)
    for index, answer in zip(batch.indexes, answers, strict=True):
        if isinstance(answer, DomainError):
            problems += _at(index, answer)
        else:
            status = "created" if answer.created else "duplicate"
            results.append({"index": index, "status": status, **show(answer.record)})
    problems.sort(key=lambda problem: problem.index or 0)
    if not results:
        raise InvalidInput("No item was kept.", problems)
    created = sum(result["status"] == "created" for result in results)
    # As `BulkReply` describes it; validating what was made here would cost as much as judging it.
    reply = {
        "created": created,
        "duplicates": len(results) - created,
        "rejected": len({problem.index for problem in problems}),
        "results": results,
        "errors": [problem.model_dump(exclude_none=True) for problem in listed(problems)],
    }
    return Response(reply, status=207 if problems else 201 if created else 200)


def _at(index: int, error: DomainError) -> list[FieldProblem]:
    found = error.problems if isinstance(error, InvalidInput) else ()
    return [FieldProblem(problem.pointer, problem.code, problem.detail, index) for problem in found] or [
        FieldProblem("", error.code, error.detail, index)
    ]
