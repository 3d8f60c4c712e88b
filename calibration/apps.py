"""App configuration of calibration."""

from django.apps import AppConfig


class CalibrationConfig(AppConfig):
    name = "calibration"

    def ready(self) -> None:
        from calibration.evidence.auto_send import AutoSendSource
        from calibration.evidence.followup_auto_book import FollowUpAutoBookSource
        from calibration.evidence.meeting_overseer import MeetingOverseerSource
        from calibration.evidence.registry import register_source
        from calibration.proposing.backtest import backtest_proposal
        from governance.workflow.consequences import register_backtester

        register_backtester(backtest_proposal)

        for source in (AutoSendSource(), FollowUpAutoBookSource(), MeetingOverseerSource()):
            register_source(source)
