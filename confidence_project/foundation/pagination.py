"""Pages of records by cursor: newest first, without a count, stable while rows are added."""

from __future__ import annotations

import re
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.db.models import Model
from rest_framework.exceptions import APIException, NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.views import APIView


class InvalidCursor(NotFound):
    """A cursor that no page linked to. Taken for none, it would start over at the first page, unnoticed."""

    parameter = "cursor"
    rule = "is not one that this list gave"
    default_code = "invalid_cursor"
    default_detail = "The cursor is of no page. Leave `cursor` out for the first page, and follow `next` from there."


class InvalidPageSize(APIException):
    """A page size that no page has. Replaced by another, a page that is not full would not be the last."""

    status_code = 400
    parameter = "page_size"
    rule = "must be a whole number from 1 to 1000"
    default_code = "invalid_page_size"
    default_detail = f"page_size {rule}."


class RecordPagination(CursorPagination):
    """Pages of one workspace's records in the descending order of the primary key; cursors hold the key alone.

    The order begins with the workspace, the same in every row, as the indexes do: what is narrowed to one is then read
    from one of them. The library would order by the key alone, and PostgreSQL may walk the primary key for that,
    passing over the rows of all other workspaces. Keys are unique, so no page needs an offset.
    """

    ordering = ("-workspace_id", "-pk")
    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000
    cursor_query_description = "From `next` or `previous` of a page; left out: the first page."

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        self.base_url = request.build_absolute_uri()
        size = self.get_page_size(request)
        backwards, self.position = self._place(request, queryset.model)
        rows = queryset.order_by(*self.ordering)
        if self.position is not None:
            rows = rows.filter(**{"pk__gt" if backwards else "pk__lt": self.position})
        found = list((rows.reverse() if backwards else rows)[: size + 1])
        self.page = found[:size]
        has_more, has_come = len(found) > size, self.position is not None
        if backwards:
            self.page.reverse()
        self.has_next, self.has_previous = (has_come, has_more) if backwards else (has_more, has_come)
        return self.page

    def get_page_size(self, request: Request) -> int:
        size = request.query_params.get(self.page_size_query_param, str(self.page_size))
        if not re.fullmatch("[0-9]{1,4}", size) or not 1 <= int(size) <= self.max_page_size:
            raise InvalidPageSize
        return int(size)

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for each in parameters:
            if each["name"] == self.page_size_query_param:
                each["schema"] |= {"minimum": 1, "maximum": self.max_page_size, "default": self.page_size}
        return parameters

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri", "description": "Null: there is no such page."}
        properties = {"next": link, "previous": link, "results": schema}
        return {"type": "object", "properties": properties, "required": [*properties]}

    def get_next_link(self) -> str | None:
        return self._link(-1, reverse=False) if self.has_next else None

    def get_previous_link(self) -> str | None:
        return self._link(0, reverse=True) if self.has_previous else None

    def _link(self, edge: int, *, reverse: bool) -> str:
        # An empty page lies where its own cursor points.
        position: Any = str(self.page[edge].pk if self.page else self.position)
        return self.encode_cursor(Cursor(offset=0, reverse=reverse, position=position))

    def _place(self, request: Request, model: type[Model]) -> tuple[bool, Any]:
        """Return whether the page lies before a key, or else after it, and the key; None: it is the first page."""
        if not request.query_params.get(self.cursor_query_param):
            return False, None
        try:
            # Base64 is read leniently: of what holds none of its letters nothing is left, so no position either.
            offset, backwards, position = cast("tuple[int, bool, str | None]", self.decode_cursor(request))
            key = model._meta.pk.clean(position, None)
        except (NotFound, ValidationError) as error:
            raise InvalidCursor from error
        if offset or str(key) != position:
            raise InvalidCursor
        return backwards, key
