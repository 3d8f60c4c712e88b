"""Models of the ledger: every one of them is written once and never changed."""

from ledger.models.decisions import DecisionExternalId, DecisionOutcome, DecisionRecord, LedgerAmendment
from ledger.models.transparency import Checkpoint, LogLeaf

__all__ = [
    "Checkpoint",
    "DecisionExternalId",
    "DecisionOutcome",
    "DecisionRecord",
    "LedgerAmendment",
    "LogLeaf",
]
