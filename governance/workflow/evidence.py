"""The evidence of a proposal: canonical JSON kept as text, bound by its hash; and who supplies it for a person's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from confidence_project.foundation.errors import InvalidInput
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

_sources: list[EvidenceSource] = []


def register_evidence_source(source: EvidenceSource) -> None:
    """Let an app above say what is known about a config that a person proposes; call it from `AppConfig.ready`.

    `source` is called with workspace, policy key and proposed config, and returns what can be stored as evidence.
    """
    _sources.append(source)


def gather_evidence(workspace: Workspace, policy_key: str, config: PolicyConfig) -> Mapping[str, Any]:
    """Return what the registered sources know about a proposed config; empty when there is none."""
    gathered: dict[str, Any] = {}
    for source in _sources:
        gathered |= source(workspace, policy_key, config)
    return gathered


class ReadableEvidence(Protocol):
    """Evidence for a person: in one sentence, and whole by a template that finds it as `evidence`."""

    @property
    def sentence(self) -> str: ...

    @property
    def template(self) -> str: ...


EvidenceReader = Callable[[Mapping[str, Any]], ReadableEvidence | None]

_readers: list[EvidenceReader] = []


def register_evidence_reader(reader: EvidenceReader) -> None:
    """Let the app that writes evidence put it into words; call it from `AppConfig.ready`."""
    _readers[:] = [reader]


def readable_evidence_of(proposal: ConfidencePolicyProposal) -> ReadableEvidence | None:
    """Return the evidence of a proposal for reading; None where nobody can read it: it is shown as recorded."""
    return _readers[0](json.loads(proposal.evidence)) if _readers else None
