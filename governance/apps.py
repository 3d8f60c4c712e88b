"""App configuration of governance."""

from pathlib import Path

from django.apps import AppConfig
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.core import checks
from django.db.models.signals import post_migrate


class GovernanceConfig(AppConfig):
    name = "governance"

    def ready(self) -> None:
        from confidence_project.foundation.triggers.guarding import check_triggers
        from governance.access.addresses import check_proxies
        from governance.access.lanes import LANES
        from governance.audit.own import register_own_histories
        from governance.declared import load_definitions_file
        from governance.definitions import CONFIRMED
        from governance.models.versions import keep_versions
        from governance.people.sign_ins import record_sign_in
        from governance.policies.keys import check_policy_keys, confirmed_besides
        from governance.policies.lanes import EVALUATE_FLAG

        checks.register(check_triggers, checks.Tags.database)
        checks.register(check_policy_keys, checks.Tags.database)
        CONFIRMED.register(confirmed_besides)
        checks.register(check_proxies, checks.Tags.security, deploy=True)
        register_own_histories()
        LANES.register(EVALUATE_FLAG, "/ofrep/v1/evaluate/flags/")
        post_migrate.connect(keep_versions, sender=self)
        user_logged_in.connect(record_sign_in, dispatch_uid="governance.record_sign_in")
        if settings.CONFIDENCE_DEFINITIONS_FILE:
            load_definitions_file(Path(settings.CONFIDENCE_DEFINITIONS_FILE))
