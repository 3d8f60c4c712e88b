"""App configuration of calibration."""

from django.apps import AppConfig


class CalibrationConfig(AppConfig):
    name = "calibration"

    def ready(self) -> None:
        from calibration.evidence.auto_send import AutoSendSource
        from calibration.evidence.followup_auto_book import FollowUpAutoBookSource
        from calibration.evidence.meeting_overseer import MeetingOverseerSource
        from calibration.evidence.registry import register_source
        from calibration.findings.reading import read_evidence
        from calibration.proposing.backtest import backtest_proposal
        from governance.workflow.consequences import register_backtester
        from governance.workflow.evidence import register_evidence_reader

        register_backtester(backtest_proposal)
        register_evidence_reader(read_evidence)

        for source in (AutoSendSource(), FollowUpAutoBookSource(), MeetingOverseerSource()):
            register_source(source)
