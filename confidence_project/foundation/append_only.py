"""Models whose rows are written once. Django refuses every change of them here; the database does by `triggers`."""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

from django.apps import apps
from django.core import checks
from django.db import models

from confidence_project.foundation.errors import DomainError


class AppendOnlyViolation(DomainError):
    """Somebody tried to change or delete a row of an append-only table."""

    code = "append_only"
    title = "Append-only records do not change"


def _refuse(model: type[models.Model]) -> NoReturn:
    raise AppendOnlyViolation(f"{model._meta.label} is append-only: record a correction instead of changing a row.")


Row = TypeVar("Row", bound=models.Model)


class AppendOnlyQuerySet(models.QuerySet[Row]):
    """A queryset that reads and inserts, and refuses the rest."""

    def update(self, **kwargs: Any) -> NoReturn:
        _refuse(self.model)

    def delete(self) -> NoReturn:
        _refuse(self.model)

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse(self.model)

    def update_or_create(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse(self.model)

    def _raw_delete(self, using: str | None) -> NoReturn:
        _refuse(self.model)


class AppendOnlyModel(models.Model):
    """Base of every model whose rows are written once. A model declares its `objects` from `AppendOnlyQuerySet`."""

    class Meta:
        abstract = True
        base_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            _refuse(type(self))
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse(type(self))


def append_only_models() -> list[type[models.Model]]:
    """Every concrete append-only model of the installed apps."""
    return [model for model in apps.get_models() if issubclass(model, AppendOnlyModel)]


@checks.register(checks.Tags.models)
def check_append_only_managers(app_configs: object = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Fail `manage.py check` for an append-only model whose manager would let changes through."""
    return [
        checks.Error(
            f"{model._meta.label} is append-only and its base manager is not.",
            hint="Declare `objects` from AppendOnlyQuerySet and inherit Meta from AppendOnlyModel.Meta.",
            obj=model,
            id="confidence.E002",
        )
        for model in append_only_models()
        if not isinstance(model._base_manager.all(), AppendOnlyQuerySet)
    ]
