"""What a person should see before they decide: current and proposed values, the evidence, what stands in the way."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from confidence_project.foundation.errors import DomainError, UnknownPolicyKey
from governance.definitions import get_definition
from governance.models import ConfidencePolicy, ConfidencePolicyProposal, ConfidencePolicyRevision
from governance.policies.changes import Change, changes_between
from governance.policies.config import PolicyConfig, parse_config
from governance.policies.stored import stored_policy
from governance.workflow.evidence import sha256_of


@dataclass(frozen=True, slots=True)
class Review:
    """The facts of a change.

    Attributes
    ----------
    changes
        Empty when the change cannot be computed; `problem` then says why.
    current_version
        Version of the policy now, 0 when there is none.
    is_stale
        The change was made for another version than the current one.
    evidence
        Parsed evidence of a proposal; None where there is none to show.
    evidence_is_intact
        The stored evidence still has the hash that was recorded.
    """

    changes: list[Change]
    current_version: int
    is_stale: bool
    problem: str = ""
    evidence: dict[str, Any] | None = None
    evidence_is_intact: bool = True

    @property
    def has_large_step(self) -> bool:
        return any(change.is_large for change in self.changes)

    @property
    def loosens(self) -> bool:
        return any(change.is_change and change.is_looser for change in self.changes)

    @property
    def evidence_text(self) -> str:
        """The evidence, laid out for reading."""
        return json.dumps(self.evidence, indent=2, ensure_ascii=False) if self.evidence else ""


def review_proposal(proposal: ConfidencePolicyProposal) -> Review:
    """Return the facts of a proposal: against the policy now while it is open, against its base afterwards."""
    try:
        version, config = stored_policy(proposal.workspace, proposal.policy_key)
    except UnknownPolicyKey:
        version, config = 0, proposal.base_config
    against = config if proposal.is_open else proposal.base_config
    changes, problem = _changes(proposal.policy_key, against, proposal.config)
    return Review(
        changes=changes,
        current_version=version,
        is_stale=proposal.is_open and version != proposal.base_version,
        problem=problem,
        evidence=json.loads(proposal.evidence),
        evidence_is_intact=sha256_of(proposal.evidence) == proposal.evidence_sha256,
    )


def review_rollback(revision: ConfidencePolicyRevision) -> Review:
    """Return the facts of bringing back what `revision` put in force."""
    policy = revision.policy
    changes, problem = _changes(revision.policy_key, policy.config, revision.config_after)
    return Review(changes, policy.version, is_stale=False, problem=problem)


def real_changes(policy_key: str, before: object, after: object) -> list[Change]:
    """Return what differs between two stored configs; empty where they cannot be read any more."""
    return [change for change in _changes(policy_key, before, after)[0] if change.is_change]


def is_uncertified(proposal: ConfidencePolicyProposal) -> bool:
    """True for a loosening that no review and no candidate bears out: it stands outside of the promise."""
    if proposal.origin in (ConfidencePolicyProposal.Origin.CALIBRATION, ConfidencePolicyProposal.Origin.CANDIDATE):
        return False
    return loosens(proposal.policy_key, proposal.base_config, proposal.config)


def is_uncertified_change(revision: ConfidencePolicyRevision) -> bool:
    """True for a change in force that loosens without a certificate: by its proposal, or by going back.

    What a review certified in its time is not certified again by a rollback: later decisions may speak against it.
    """
    if revision.proposal is not None:
        return is_uncertified(revision.proposal)
    is_rollback = revision.action == ConfidencePolicyRevision.Action.ROLLBACK
    return is_rollback and loosens(revision.policy_key, revision.config_before, revision.config_after)


def loosens(policy_key: str, before: object, after: object) -> bool:
    """True when a value of `after` allows more than that of `before`; False where they cannot be read any more."""
    return any(change.is_looser for change in real_changes(policy_key, before, after))


def values_in_force(policy: ConfidencePolicy) -> list[Change]:
    """Return the values of a policy against the defaults; empty where they cannot be read any more."""
    return _changes(policy.policy_key, PolicyConfig({}).as_json(), policy.config)[0]


def _changes(policy_key: str, before: object, after: object) -> tuple[list[Change], str]:
    try:
        definition = get_definition(policy_key)
        return changes_between(definition, before, parse_config(definition, after)), ""
    except DomainError as error:
        return [], error.detail
