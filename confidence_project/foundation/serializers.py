"""Rows as the API shows them, described as they are."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, TypeVar

from django.db import models
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

RowT = TypeVar("RowT", bound=models.Model)


@extend_schema_field(OpenApiTypes.OBJECT)
class JsonObject(serializers.JSONField):
    """A column of JSON. All that are shown hold an object."""


# Shows a row; nothing is written through it. A docstring would become the description of every kind without its own.
class RowSerializer(serializers.ModelSerializer[RowT]):
    serializer_field_mapping = {**serializers.ModelSerializer.serializer_field_mapping, models.JSONField: JsonObject}

    def include_extra_kwargs(
        self, kwargs: MutableMapping[str, Any], extra_kwargs: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Keep that a column of choices may be blank, which the library drops where nothing is written."""
        may_be_blank = kwargs.get("allow_blank", False) and "choices" in kwargs
        included = super().include_extra_kwargs(kwargs, extra_kwargs)
        return {**included, "allow_blank": True} if may_be_blank else included
