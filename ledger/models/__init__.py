"""Models of the ledger: every one of them is written once and never changed."""

from ledger.models.decisions import (
    ConfidenceKind,
    DecisionExternalId,
    DecisionOutcome,
    DecisionRecord,
    LedgerAmendment,
)
from ledger.models.transparency import Checkpoint, LogLeaf, LogNode

__all__ = [
    "Checkpoint",
    "ConfidenceKind",
    "DecisionExternalId",
    "DecisionOutcome",
    "DecisionRecord",
    "LedgerAmendment",
    "LogLeaf",
    "LogNode",
]
