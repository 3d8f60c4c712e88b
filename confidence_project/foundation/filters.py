"""Filters that the lists share, and the refusal of what is none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django_filters import rest_framework as filters
from django_filters.fields import IsoDateTimeField
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import APIException, ErrorDetail
from rest_framework.exceptions import ValidationError as Refused
from rest_framework.request import Request
from rest_framework.views import APIView


class UnknownParameter(APIException):
    """A list was asked with a query parameter that it does not take: dropped, it would answer another question."""

    status_code = 400
    default_code = "unknown_parameter"


class StrictFilterBackend(filters.DjangoFilterBackend):
    """Filters by the view's filters, and refuses every query parameter that is neither one of them nor a page's.

    And every filter without a value: the library would drop it, and answer with all records where one was meant.
    """

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        allowed = self._parameters(queryset, view)
        if not set(request.query_params) <= allowed:
            # Named are those that exist: a parameter that does not could be private text.
            raise UnknownParameter(f"A query parameter is not known. This list takes {', '.join(sorted(allowed))}.")
        given = set(request.query_params) & self._filters(queryset, view)
        if blank := [name for name in sorted(given) if "" in request.query_params.getlist(name)]:
            raise Refused({name: [ErrorDetail("", code="blank")] for name in blank})
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return filtered

    def _parameters(self, queryset: QuerySet[Any], view: Any) -> set[str]:
        pages = getattr(view, "paginator", None)
        names = {pages.cursor_query_param, pages.page_size_query_param} if pages else set()
        return names | self._filters(queryset, view)

    def _filters(self, queryset: QuerySet[Any], view: Any) -> set[str]:
        filterset = self.get_filterset_class(view, queryset)
        return set(filterset.base_filters) if filterset else set()


@extend_schema_field({"type": "string", "minLength": 1, "pattern": r"^[^\x00]*$"})
class NameFilter(filters.CharFilter):
    """Filters by a name or an id, to the letter."""

    def __init__(self, *args: Any, **options: Any) -> None:
        # Stripped, blanks would be no value either.
        super().__init__(*args, strip=False, **options)


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
