"""App configuration of telemetry."""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks


class TelemetryConfig(AppConfig):
    name = "telemetry"

    def ready(self) -> None:
        checks.register(check_metadata_schema)


def check_metadata_schema(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Fail `manage.py check` when the host's metadata schema cannot be used."""
    from telemetry.metadata import schema_problems

    return [
        checks.Error(
            f"CONFIDENCE_METADATA_SCHEMA: {problem}.",
            hint="docs/ingestion.md describes the schema language.",
            id="telemetry.E001",
        )
        for problem in schema_problems(settings.CONFIDENCE_METADATA_SCHEMA)
    ]
