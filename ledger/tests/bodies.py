"""Bodies of decisions for tests: a sound one, and ways to change it."""

from __future__ import annotations

import itertools
from typing import Any

from confidence_project.foundation.submissions import Submission
from ledger.contracts import DecisionEnvelope

PROMPT_HASH = "ab" * 32
_numbers = itertools.count(1)


def llm_decision(**changes: Any) -> dict[str, Any]:
    """A decision that meets the contract of every gate."""
    return {
        "risk_summary": "The reply promises a date.",
        "likely_root_cause": "The template leaves it open.",
        "confidence": 0.95,
        "recommended_action": {"type": "retry", "parameters": {"attempts": 2}},
        "provider": "acme",
        "model": "acme-1",
        "prompt_hash": PROMPT_HASH,
        **changes,
    }


def envelope(**changes: Any) -> dict[str, Any]:
    """What a host submits, under an id that no other has."""
    return {
        "external_id": f"decision-{next(_numbers)}",
        "policy_key": "confidence_gate",
        "decision": llm_decision(),
        **changes,
    }


def submission(body_sha256: str = "00" * 32, **changes: Any) -> Submission[DecisionEnvelope]:
    """A validated envelope, as the services take it."""
    item = DecisionEnvelope.model_validate(envelope(**changes))
    return Submission(item.external_id, body_sha256, item)
