"""App configuration of governance."""

from pathlib import Path

from django.apps import AppConfig
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.core import checks


class GovernanceConfig(AppConfig):
    name = "governance"

    def ready(self) -> None:
        from confidence_project.foundation.triggers.guarding import check_triggers
        from governance import definitions
        from governance.audit.own import register_own_histories
        from governance.people.sign_ins import record_sign_in
        from governance.policies.cache import check_cache_seconds

        checks.register(check_triggers, checks.Tags.database)
        checks.register(check_cache_seconds)
        register_own_histories()
        user_logged_in.connect(record_sign_in, dispatch_uid="governance.record_sign_in")
        if settings.CONFIDENCE_DEFINITIONS_FILE:
            definitions.load_definitions_file(Path(settings.CONFIDENCE_DEFINITIONS_FILE))
