"""How rows remember who did something, so that the memory outlives the account."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models


def actor_of_mutable_row(**options: Any) -> models.ForeignKey[Any, Any]:
    """Reference to an account from a row that may be updated; a copied name stands beside it."""
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", **options
    )


def actor_of_append_only_row(**options: Any) -> models.ForeignKey[Any, Any]:
    """Reference from an append-only row: no constraint, because SET_NULL would be an UPDATE that triggers refuse."""
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="+",
        **options,
    )


def actor_name() -> models.CharField[Any, Any]:
    """The account's name at the time, copied."""
    return models.CharField(max_length=150, blank=True, default="")
