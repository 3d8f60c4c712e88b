"""Reading request bodies: never more than the limit, on the wire and after decompression."""

from __future__ import annotations

import gzip
import io
import zlib

from django.conf import settings
from django.http import HttpRequest
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType


class BodyTooLarge(APIException):
    """The body, or what it unpacks to, is above `CONFIDENCE_MAX_BODY_BYTES`."""

    status_code = 413
    default_code = "body_too_large"


class LengthRequired(APIException):
    """The body came in chunks, which WSGI has no way to hand on."""

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
        The body comes in chunks.
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
    if "Transfer-Encoding" in request.headers:
        raise LengthRequired("Send the body with its Content-Length, not in chunks.")
    declared = request.META.get("CONTENT_LENGTH") or ""
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    body = request.read(limit + 1)
    if len(body) > limit:
        raise _too_large(limit)
    if not body and not may_be_empty:
        raise ParseError("The body is empty.")
    return _unpack(body, limit) if encoding == "gzip" else body


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
