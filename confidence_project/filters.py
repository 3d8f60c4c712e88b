"""Filters that the lists share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django_filters import rest_framework as filters
from django_filters.fields import IsoDateTimeField


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
