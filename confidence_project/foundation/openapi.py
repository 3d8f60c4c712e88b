"""What the OpenAPI document says about every ingestion endpoint: bodies, replies, problems."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Union

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, PolymorphicProxySerializer, extend_schema
from pydantic import BaseModel, Field, RootModel

from confidence_project.foundation.ingest import JSON, NDJSON, BulkReply
from confidence_project.foundation.problems import CONTENT_TYPE, Problem

LISTED = "Newest first, in pages: follow `next`. There is no count."

PROBLEMS_OF_READING: dict[Any, Any] = {
    (400, CONTENT_TYPE): Problem,
    (401, CONTENT_TYPE): Problem,
    (403, CONTENT_TYPE): Problem,
    (404, CONTENT_TYPE): Problem,
    (429, CONTENT_TYPE): Problem,
    (503, CONTENT_TYPE): Problem,
}
PROBLEMS_OF_WRITING: dict[Any, Any] = {
    **PROBLEMS_OF_READING,
    (409, CONTENT_TYPE): Problem,
    (413, CONTENT_TYPE): Problem,
    (415, CONTENT_TYPE): Problem,
    (422, CONTENT_TYPE): Problem,
}

_EXAMPLE_PROBLEM = OpenApiExample(
    "A field that is not valid",
    value={
        "type": "/problems/invalid_input",
        "title": "The input is not valid",
        "status": 422,
        "detail": "The object is not valid; nothing was kept.",
        "code": "invalid_input",
        "errors": [
            {"pointer": "/confidence", "code": "less_than_equal", "detail": "Input should be less than or equal to 1"}
        ],
    },
    response_only=True,
    status_codes=["422"],
    media_type=CONTENT_TYPE,
)


def _bodies_of(contract: type[BaseModel]) -> type[BaseModel]:
    """Return the type of an `application/json` body: one item, or an array of them."""
    items = Annotated[list[contract], Field(min_length=1)]  # type: ignore[valid-type]
    one_or_many = RootModel[Union[contract, items]]  # type: ignore[valid-type]  # noqa: UP007 - made at run time
    return type(f"{contract.__name__.removesuffix('Envelope')}Body", (one_or_many,), {"__doc__": contract.__doc__})


def document_ingestion(
    operation_id: str,
    contract: type[BaseModel],
    record: Any,
    example: dict[str, Any],
    summary: str,
    *,
    known_by: str = "`external_id`",
) -> Callable[[Any], Any]:
    """Return the decorator that documents a `post` which calls `ingest`.

    `record` is what a single object gets; `known_by` what makes it the same again.
    """
    name = f"{contract.__name__.removesuffix('Envelope')}Reply"
    kinds: list[Any] = [record, BulkReply]
    reply = PolymorphicProxySerializer(name, serializers=kinds, resource_type_field_name=None)
    return extend_schema(
        operation_id=operation_id,
        summary=summary,
        description=(
            "One object, an array of them, or NDJSON; `Content-Encoding: gzip` is understood. Idempotent by "
            f"{known_by}: the same again answers 200, another body under the same is a conflict. "
            "A bulk answers 201 or 200, 207 when items were rejected, 422 when none was kept."
        ),
        request={JSON: _bodies_of(contract), NDJSON: OpenApiTypes.STR},
        responses={200: reply, 201: reply, 207: BulkReply, **PROBLEMS_OF_WRITING},
        examples=[
            OpenApiExample("One object", value=example, request_only=True, media_type=JSON),
            OpenApiExample("A bulk", value=[example], request_only=True, media_type=JSON),
            _EXAMPLE_PROBLEM,
        ],
    )


def require_bodies(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Say of every body that it is required (a hook of drf-spectacular, which asks only whether all fields are)."""
    for operations in result["paths"].values():
        for operation in operations.values():
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True
    return result


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """How the OpenAPI document describes the keys."""

    target_class = "governance.access.authentication.ApiKeyAuthentication"
    name = ["bearerKey", "headerKey"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        return [
            {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer KEY`"},
            {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        ]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        # Two entries: one or the other. One entry with both would ask for both.
        return [{name: []} for name in self.name]
