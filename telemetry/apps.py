"""App configuration of telemetry."""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks


class TelemetryConfig(AppConfig):
    name = "telemetry"

    def ready(self) -> None:
        from governance.audit.sources import SOURCES, sources_of_control
        from governance.definitions import register
        from telemetry.bundles import BUDGETS
        from telemetry.models import Evaluator

        register(BUDGETS)
        for key, source in sources_of_control(Evaluator, "Evaluators"):
            SOURCES.register(source, key)
        checks.register(check_metadata_schema)


def check_metadata_schema(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Fail `manage.py check` when what the host says about metadata cannot be used."""
    from telemetry.metadata import names_problems, schema_problems

    problems = {
        "CONFIDENCE_METADATA_SCHEMA": schema_problems(settings.CONFIDENCE_METADATA_SCHEMA),
        "CONFIDENCE_METADATA_NAMES": names_problems(settings.CONFIDENCE_METADATA_NAMES),
    }
    hint = "docs/ingestion.md describes the schema language."
    return [
        checks.Error(f"{setting}: {problem}.", hint=hint, id="telemetry.E001")
        for setting, found in problems.items()
        for problem in found
    ]
