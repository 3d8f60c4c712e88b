"""Reading request bodies: never more than the limit, on the wire and after decompression."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, UnreadablePostError
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType


class BodyTooLarge(APIException):
    """The body, or what it unpacks to, is above `CONFIDENCE_MAX_BODY_BYTES`."""

    status_code = 413
    default_code = "body_too_large"


class LengthRequired(APIException):
    """The body came in chunks, and the server (Django's own for development) does not say where they end."""

    status_code = 411
    default_code = "length_required"


def media_type(request: HttpRequest) -> str:
    """Return the content type of the request without its parameters, in lower case."""
    return (request.content_type or "").lower()


def read_body(request: HttpRequest, *, may_be_empty: bool = False) -> bytes:
    """Return the body, unpacked when it came with `Content-Encoding: gzip`.

    Parameters
    ----------
    may_be_empty
        For formats in which nothing is a message: an export without records is zero bytes of protobuf.

    Raises
    ------
    BodyTooLarge
        By its Content-Length before a byte is read, while reading, or while unpacking.
    LengthRequired
        The body comes in chunks, and the server does not put them together.
    UnreadablePostError
        The body ends before its end.
    ParseError
        The body is empty or is not gzip though it says so.
    UnsupportedMediaType
        Another encoding than gzip or identity.
    """
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip"}:
        detail = "The content encoding is not supported; send gzip or none."
        raise UnsupportedMediaType(encoding, detail=detail)
    limit: int = settings.CONFIDENCE_MAX_BODY_BYTES
    if _chunks_are_lost(request):
        raise LengthRequired("This server reads no chunks. Send the body with its Content-Length.")
    declared = request.META.get("CONTENT_LENGTH") or ""
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    body = _read(request, limit + 1)
    if len(body) > limit:
        raise _too_large(limit)
    if not body and not may_be_empty:
        raise ParseError("The body is empty.")
    return _unpack(body, limit) if encoding == "gzip" else body


def _chunks_are_lost(request: HttpRequest) -> bool:
    in_wsgi = "wsgi.input" in request.META
    return in_wsgi and "Transfer-Encoding" in request.headers and not request.META.get("wsgi.input_terminated")


def _read(request: HttpRequest, size: int) -> bytes:
    if "Transfer-Encoding" not in request.headers or "wsgi.input" not in request.META:
        return request.read(size)
    try:
        # Django itself reads no more than a Content-Length, which chunks do not have.
        body: bytes = request.META["wsgi.input"].read(size)
    except Exception as error:  # each server has errors of its own for broken chunks
        raise UnreadablePostError from error
    return body


class UnreadChunksMiddleware:
    """Has the connection closed when its body could not be read: the rest would be taken for the next request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if _chunks_are_lost(request):
            # WSGI forbids `Connection: close`; a server closes after a reply that has no length.
            del response.headers["Content-Length"]
        return response


def _unpack(packed: bytes, limit: int) -> bytes:
    try:
        body = gzip.GzipFile(fileobj=io.BytesIO(packed)).read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ParseError("The body is not valid gzip.") from error
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is above the limit of {limit} bytes. Send it in smaller parts.")
