"""Models of the ledger. Records, outcomes, amendments and the log are written once and never changed."""

from ledger.models.counts import CountedDay, CountMark, DailyCount
from ledger.models.decisions import (
    SIDES,
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
from ledger.models.labelling import (
    Judgement,
    JudgeVerdict,
    KnownCase,
    LabelAssignment,
    LabelClaim,
    LabellingRules,
    LabelMark,
    LabelRequest,
    LabelSource,
    Purpose,
)
from ledger.models.questions import Question
from ledger.models.removals import LedgerRemoval, RemovedLeaf
from ledger.models.transparency import Checkpoint, Cosignature, LogLeaf, LogNode, LogWatermark

__all__ = [
    "SIDES",
    "Checkpoint",
    "ConfidenceKind",
    "Cosignature",
    "CountMark",
    "CountedDay",
    "DailyCount",
    "DecisionExternalId",
    "DecisionImport",
    "DecisionOutcome",
    "DecisionRecord",
    "DomainDecision",
    "JudgeVerdict",
    "Judgement",
    "KnownCase",
    "LabelAssignment",
    "LabelClaim",
    "LabelMark",
    "LabelRequest",
    "LabelSource",
    "LabellingRules",
    "LedgerAmendment",
    "LedgerRemoval",
    "LogLeaf",
    "LogNode",
    "LogWatermark",
    "ModelServer",
    "OutcomeVoid",
    "Purpose",
    "Question",
    "QuestionBinding",
    "RemovedLeaf",
    "SavedMapping",
]
