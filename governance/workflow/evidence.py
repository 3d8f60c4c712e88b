"""The evidence of a proposal: canonical JSON kept as text, bound by its hash; and who supplies it for a person's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from confidence_project.foundation.errors import InvalidInput
from confidence_project.foundation.registry import Registry
from governance.models import ConfidencePolicyProposal, Workspace
from governance.policies.config import PolicyConfig


def canonical_json(evidence: Mapping[str, Any]) -> str:
    """Return `evidence` as JSON with sorted keys, no white space and ASCII only; refuse NaN and infinities."""
    try:
        return json.dumps(evidence, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            "The evidence must be JSON: text, finite numbers, booleans, null, arrays, objects."
        ) from error


def sha256_of(text: str) -> str:
    """Return the SHA-256 of `text` in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


EvidenceSource = Callable[[Workspace, str, PolicyConfig], Mapping[str, Any]]

"""From workspace, policy key and a config that a person proposes to what is known about it, as it can be stored."""

EVIDENCE_SOURCE: Registry[EvidenceSource] = Registry("source of evidence")


def gather_evidence(workspace: Workspace, policy_key: str, config: PolicyConfig) -> Mapping[str, Any]:
    """Return what is known about a proposed config; empty when no app knows anything."""
    source = EVIDENCE_SOURCE.get()
    return source(workspace, policy_key, config) if source else {}


class ReadableEvidence(Protocol):
    """Evidence for a person: in one sentence, and whole by a template that finds it as `evidence`."""

    @property
    def sentence(self) -> str: ...

    @property
    def template(self) -> str: ...


EvidenceReader = Callable[[Mapping[str, Any]], ReadableEvidence | None]

EVIDENCE_READER: Registry[EvidenceReader] = Registry("reader of evidence")


def readable_evidence_of(proposal: ConfidencePolicyProposal) -> ReadableEvidence | None:
    """Return the evidence of a proposal for reading; None where nobody can read it: it is shown as recorded."""
    read = EVIDENCE_READER.get()
    return read(json.loads(proposal.evidence)) if read else None
