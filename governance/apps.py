"""App configuration of governance."""

from pathlib import Path

from django.apps import AppConfig
from django.conf import settings


class GovernanceConfig(AppConfig):
    name = "governance"

    def ready(self) -> None:
        from governance import definitions

        if settings.CONFIDENCE_DEFINITIONS_FILE:
            definitions.load_definitions_file(Path(settings.CONFIDENCE_DEFINITIONS_FILE))
