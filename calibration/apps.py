"""App configuration of calibration."""

from django.apps import AppConfig


class CalibrationConfig(AppConfig):
    name = "calibration"

    def ready(self) -> None:
        from calibration.backtest import backtest_proposal
        from governance.workflow.consequences import register_backtester

        register_backtester(backtest_proposal)
