"""App configuration of calibration."""

from django.apps import AppConfig


class CalibrationConfig(AppConfig):
    name = "calibration"

    def ready(self) -> None:
        from calibration.proposing.backtest import backtest_proposal
        from calibration.proposing.by_people import evidence_for_people, read_evidence_of_proposal
        from governance.workflow.consequences import register_backtester
        from governance.workflow.evidence import register_evidence_reader, register_evidence_source

        register_backtester(backtest_proposal)
        register_evidence_source(evidence_for_people)
        register_evidence_reader(read_evidence_of_proposal)
