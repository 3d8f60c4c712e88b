"""The ledger's own rows as leaves of its log: decisions, what was recorded about them, and what was signed."""

from __future__ import annotations

from ledger.models import (
    Checkpoint,
    DecisionOutcome,
    DecisionRecord,
    Judgement,
    JudgeVerdict,
    KnownCase,
    LabellingRules,
    LedgerAmendment,
    LedgerRemoval,
    OutcomeVoid,
)
from ledger.transparency.governed import columns_of, of_control
from ledger.transparency.kinds import Kind

DECISIONS = Kind(
    "decision",
    DecisionRecord,
    "timestamp",
    (
        "decision_id",
        "timestamp",
        "provider",
        "model",
        "prompt_hash",
        "schema_version",
        "ml_risk_score",
        "llm_confidence",
        "gate_verdict",
        "gate_reason",
        "action_type",
        "action_params",
        "schema_valid",
        "schema_problems",
        "workspace_id",
        "policy_key",
        "policy_version",
        "thresholds",
        "confidence_kind",
        "task",
        "options",
        "channel",
        "interaction_id",
        "occurred_at",
        "origin",
        "import_id",
        "external_id",
        "case_key",
        "audit_selected",
        "label_propensity",
        "rollout_id",
        "rollout_arm",
        "candidate_verdict",
        "candidate_reason",
    ),
    later={"schema_problems": 2, "options": 3, "import_id": 3},
    grows=True,
)

OUTCOMES = Kind(
    "outcome",
    DecisionOutcome,
    "recorded_at",
    (
        "id",
        "decision_id",
        "sequence",
        "workspace_id",
        "success",
        "source",
        "automation_executed",
        "downstream_failure",
        "observed_at",
        "recorded_at",
        "reporter",
        "external_id",
        "body_sha256",
    ),
    grows=True,
)

AMENDMENTS = Kind(
    "amendment",
    LedgerAmendment,
    "at",
    (
        "id",
        "decision_id",
        "workspace_id",
        "field",
        "value_before",
        "value_after",
        "reason",
        "actor_id",
        "actor_name",
        "at",
    ),
    grows=True,
)

VOIDS = Kind("void", OutcomeVoid, "at", ("id", "outcome_id", "workspace_id", "at", "reporter"), grows=True)

CHECKPOINTS = Kind("checkpoint", Checkpoint, "created_at", ("id", "tree_size", "root_hash", "swept_at", "created_at"))
"""Leaves that say what was signed, and when: whatever stands behind one was not in that checkpoint."""

REMOVALS = Kind(
    "removal",
    LedgerRemoval,
    "at",
    (
        "id",
        "workspace_id",
        "kind",
        "before",
        "retention_days",
        "decisions",
        "rows",
        "occurred_from",
        "occurred_to",
        "recorded_to",
        "policy_keys",
        "leaves_sha256",
        "archive",
        "archive_sha256",
        "reason",
        "actor_id",
        "actor_name",
        "at",
    ),
)
"""Leaves that say which rows of other leaves were removed, by whom, and the hash of the archive that holds them."""

JUDGEMENTS = Kind("judgement", Judgement, "at", columns_of(Judgement), grows=True)

JUDGE_VERDICTS = Kind("judge_verdict", JudgeVerdict, "recorded_at", columns_of(JudgeVerdict), grows=True)

OF_THE_LEDGER = (
    DECISIONS,
    OUTCOMES,
    AMENDMENTS,
    VOIDS,
    CHECKPOINTS,
    REMOVALS,
    JUDGEMENTS,
    JUDGE_VERDICTS,
    *of_control(
        LabellingRules,
        "is_blind",
        "due_days",
        "twice_share",
        "known_share",
        later={"label_source": 2, "confirms_wrong": 3, "judged_share": 4, "leaves_out_untold": 5},
    ),
    *of_control(KnownCase, "decision_id", "success"),
)
