"""App configuration of ledger."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class LedgerConfig(AppConfig):
    name = "ledger"

    def ready(self) -> None:
        from confidence_project.foundation.health import WARNINGS
        from confidence_project.foundation.triggers.guarding import keep_leading, release_before_migrations
        from governance.access.lanes import LANES
        from governance.controls.seen import SEEN_SOURCES
        from governance.definitions import register
        from governance.workflow.consequences import FLIP_COUNTER
        from ledger.audit import register_histories
        from ledger.domains.book import DOMAINS, keep_book
        from ledger.lanes import ATTACH, DECIDE
        from ledger.months.warning import too_few_ahead
        from ledger.otlp import gate_decision_spans, record_evaluations
        from ledger.seen import SEEN_IN_DECISIONS
        from ledger.selectors import flips_of
        from ledger.transparency.governed import OF_GOVERNANCE
        from ledger.transparency.kinds import register as register_entries
        from ledger.transparency.leaves import OF_THE_LEDGER
        from ledger.verdicts import verdicts_on_records
        from telemetry.book import BOOK_KEEPER
        from telemetry.otlp.handlers import DECISION_SPANS, EVALUATIONS
        from telemetry.verdicts import VERDICT_FINDER

        for domain in DOMAINS:
            register(domain.definition)
        register_entries(*OF_THE_LEDGER, *OF_GOVERNANCE)
        register_histories()
        pre_migrate.connect(release_before_migrations, sender=self)
        post_migrate.connect(keep_leading, sender=self)
        LANES.register(DECIDE, "/api/v1/decisions")
        LANES.register(ATTACH, "/api/v1/outcomes")
        WARNINGS.register(too_few_ahead, "partitions")
        BOOK_KEEPER.register(keep_book)
        FLIP_COUNTER.register(flips_of)
        SEEN_SOURCES.register(SEEN_IN_DECISIONS)
        VERDICT_FINDER.register(verdicts_on_records)
        DECISION_SPANS.register(gate_decision_spans)
        EVALUATIONS.register(record_evaluations)
