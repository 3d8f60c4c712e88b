"""App configuration of calibration."""

from django.apps import AppConfig


class CalibrationConfig(AppConfig):
    name = "calibration"

    def ready(self) -> None:
        from calibration.findings.reading import read_evidence
        from calibration.proposing.backtest import backtest_proposal
        from governance.workflow.consequences import register_backtester
        from governance.workflow.evidence import register_evidence_reader

        register_backtester(backtest_proposal)
        register_evidence_reader(read_evidence)
