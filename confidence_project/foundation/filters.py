"""Filters that the lists share, and the refusal of what is none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django_filters import rest_framework as filters
from django_filters.fields import IsoDateTimeField
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.views import APIView


class UnknownParameter(APIException):
    """A list was asked with a query parameter that it does not take: dropped, it would answer another question."""

    status_code = 400
    default_code = "unknown_parameter"


class StrictFilterBackend(filters.DjangoFilterBackend):
    """Filters by the view's filters, and refuses every query parameter that is neither one of them nor a page's."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        allowed = self._parameters(queryset, view)
        if not set(request.query_params) <= allowed:
            # Named are those that exist: a parameter that does not could be private text.
            raise UnknownParameter(f"A query parameter is not known. This list takes {', '.join(sorted(allowed))}.")
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return filtered

    def _parameters(self, queryset: QuerySet[Any], view: Any) -> set[str]:
        filterset = self.get_filterset_class(view, queryset)
        pages = getattr(view, "paginator", None)
        names = set(filterset.base_filters) if filterset else set()
        return names | ({pages.cursor_query_param, pages.page_size_query_param} if pages else set())


class TimeField(IsoDateTimeField):
    """A time that is still one in UTC: `0001-01-01T00:00:00+14:00` is not."""

    def to_python(self, value: Any) -> datetime | None:
        time: datetime | None = super().to_python(value)
        try:
            return time and time.astimezone(UTC)
        except OverflowError as error:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from error


class TimeFilter(filters.IsoDateTimeFilter):
    """Filters by an RFC 3339 time."""

    field_class = TimeField
