"""App configuration of governance."""

from pathlib import Path

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.db.models.signals import post_migrate


class GovernanceConfig(AppConfig):
    name = "governance"

    def ready(self) -> None:
        from confidence_project.foundation.triggers.guarding import check_triggers
        from governance import definitions
        from governance.access.lanes import LANES
        from governance.models.versions import keep_versions
        from governance.policies.lanes import EVALUATE_FLAG

        checks.register(check_triggers, checks.Tags.database)
        LANES.register(EVALUATE_FLAG, "/ofrep/v1/evaluate/flags/")
        post_migrate.connect(keep_versions, sender=self)
        if settings.CONFIDENCE_DEFINITIONS_FILE:
            definitions.load_definitions_file(Path(settings.CONFIDENCE_DEFINITIONS_FILE))
