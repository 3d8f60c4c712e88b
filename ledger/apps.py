"""App configuration of ledger."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "ledger"

    def ready(self) -> None:
        from ledger.otlp import gate_decision_spans, record_evaluations
        from telemetry.otlp.handlers import HANDLERS

        HANDLERS.register(decisions=gate_decision_spans, evaluations=record_evaluations)
