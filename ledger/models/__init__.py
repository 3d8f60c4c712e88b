"""Models of the ledger. Records, outcomes, amendments and the log are written once and never changed."""

from ledger.models.decisions import (
    ConfidenceKind,
    DecisionExternalId,
    DecisionOutcome,
    DecisionRecord,
    LedgerAmendment,
    OutcomeVoid,
)
from ledger.models.domains import DomainDecision
from ledger.models.gateway import ModelServer, QuestionBinding
from ledger.models.imports import DecisionImport, SavedMapping
from ledger.models.questions import Question
from ledger.models.transparency import Checkpoint, LogLeaf, LogNode

__all__ = [
    "Checkpoint",
    "ConfidenceKind",
    "DecisionExternalId",
    "DecisionImport",
    "DecisionOutcome",
    "DecisionRecord",
    "DomainDecision",
    "LedgerAmendment",
    "LogLeaf",
    "LogNode",
    "ModelServer",
    "OutcomeVoid",
    "Question",
    "QuestionBinding",
    "SavedMapping",
]
