"""App configuration of calibration."""

from django.apps import AppConfig


class CalibrationConfig(AppConfig):
    name = "calibration"

    def ready(self) -> None:
        from calibration.audit import register_histories
        from calibration.logged import LOGGED, runs_behind
        from calibration.proposing.backtest import backtest_proposal
        from calibration.proposing.by_people import evidence_for_people, read_evidence_of_proposal
        from governance.workflow.consequences import BACKTESTER
        from governance.workflow.evidence import EVIDENCE_READER, EVIDENCE_SOURCE
        from ledger.transparency.kinds import register as register_entries
        from ledger.transparency.selectors import EVIDENCE_OF_PROPOSAL

        register_histories()
        BACKTESTER.register(backtest_proposal)
        EVIDENCE_SOURCE.register(evidence_for_people)
        EVIDENCE_READER.register(read_evidence_of_proposal)
        register_entries(*LOGGED)
        EVIDENCE_OF_PROPOSAL.register(runs_behind, "calibration runs")
