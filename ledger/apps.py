"""App configuration of ledger."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "ledger"

    def ready(self) -> None:
        from governance.definitions import register
        from governance.workflow.consequences import register_flip_counter
        from ledger.domains.book import DOMAINS, keep_book
        from ledger.otlp import gate_decision_spans, record_evaluations
        from ledger.selectors import flips_of
        from ledger.verdicts import verdicts_on_records
        from telemetry.book import register_book_keeper
        from telemetry.otlp.handlers import HANDLERS
        from telemetry.verdicts import register_verdict_finder

        for domain in DOMAINS:
            register(domain.definition)
        register_book_keeper(keep_book)
        register_flip_counter(flips_of)
        register_verdict_finder(verdicts_on_records)
        HANDLERS.register(decisions=gate_decision_spans, evaluations=record_evaluations)
