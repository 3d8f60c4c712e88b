"""Which source serves which policy key: the ledger, unless a host registers one of its own for a key of its own."""

from __future__ import annotations

from calibration.evidence.contract import EvidenceSource
from calibration.evidence.decision_ledger import DecisionLedgerSource
from confidence_project.foundation.errors import InvalidInput
from confidence_project.foundation.registry import Registry
from governance.definitions import SEGMENT_KEYS

SOURCES: Registry[EvidenceSource] = Registry("evidence source")
_LEDGER = DecisionLedgerSource()


def register_source(source: EvidenceSource) -> None:
    """Let `source` serve its policy keys; the same source again is fine.

    Raises
    ------
    InvalidInput
        Another source serves one of the keys (nothing may be counted twice), or a segment key is not one of
        `governance.policies.config.SEGMENT_KEYS`, on which no override could match.
    """
    if unknown := set(source.segment_keys) - set(SEGMENT_KEYS):
        raise InvalidInput(f"{source.name} splits by keys that no override can match: {', '.join(sorted(unknown))}.")
    for key in source.policy_keys:
        if SOURCES.get(key) not in (None, source):
            raise InvalidInput(f"Policy key {key} has an evidence source already: {source_for(key).name}.")
    SOURCES.register(source, *source.policy_keys)


def source_for(policy_key: str) -> EvidenceSource:
    """Return the source of a policy key: the one that a host registered for it, otherwise the decision ledger."""
    return SOURCES.get(policy_key) or _LEDGER
