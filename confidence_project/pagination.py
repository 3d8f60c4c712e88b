"""Pages of records by cursor: newest first, without a count, stable while rows are added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.views import APIView


class RecordPagination(CursorPagination):
    """Pages in the descending order of the primary key."""

    ordering = "-pk"
    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, ValidationError) as error:
            # A cursor that somebody made up holds something that is no key.
            raise NotFound(self.invalid_cursor_message) from error

    def decode_cursor(self, request: Request) -> Cursor | None:
        cursor = super().decode_cursor(request)
        # Base64 is read leniently: what holds none of its letters would start over at the first page.
        if request.query_params.get(self.cursor_query_param) and not any(cursor or ()):
            raise NotFound(self.invalid_cursor_message)
        return cursor
