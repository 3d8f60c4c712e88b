"""A proposal comes into being: from a calibration run, as the first record of the defaults, or from a person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from confidence_project.foundation.errors import AlreadySo, FieldProblem, InvalidInput
from governance.access.permissions import Person, Verb, require
from governance.definitions import PolicyDefinition, get_definition
from governance.models import ConfidencePolicyProposal, Workspace
from governance.policies.changes import changes_between
from governance.policies.config import PolicyConfig, parse_config
from governance.policies.stored import stored_policy
from governance.texts import clean_text
from governance.vocabulary import NameKind, name_or_blank, rule_of
from governance.workflow.evidence import canonical_json, gather_evidence, sha256_of
from governance.workflow.expiry import expire_proposals
from governance.workflow.review import real_changes
from governance.workflow.transitions import open_proposals, signature, supersede, tell_superseded, write_event
from governance.workspaces.names import WorkspaceNames

TITLE_LENGTH = 200
SUMMARY_LENGTH = 10_000


def open_proposal(
    *,
    workspace: Workspace,
    policy_key: str,
    origin: str,
    title: str,
    summary: str,
    config: object,
    evidence: Mapping[str, Any],
    author: Person | None = None,
    acknowledge_large_step: bool = False,
) -> ConfidencePolicyProposal:
    """Open a proposal to put `config` in force for `policy_key`, or return the open one that proposes just this.

    It supersedes the open one of the same origin; of a person's those that change a value which it changes, too:
    proposals about other values stand side by side.

    Parameters
    ----------
    origin
        A value of `ConfidencePolicyProposal.Origin`. `person` needs an `author`, the others must not have one.
    config
        The JSON form of `governance.policies.config`, checked against the definition.
    evidence
        Self-contained and JSON-able; stored as canonical JSON with its SHA-256.
    acknowledge_large_step
        A person confirms a step larger than the definition's `max_step`. For the other origins the approver does.

    Raises
    ------
    InvalidInput, UnknownPolicyKey
        The config, a text, the evidence or the origin is not valid; a person's change is none, or too large a step.
    NotFound, PermissionRefused
        The author may not propose in this workspace.
    Conflict
        A person has proposed just this already.
    """
    definition = get_definition(policy_key)
    parsed = parse_config(definition, config, pointer="/config")
    _check_origin(origin, author)
    if author is not None:
        require(Verb.PROPOSE, author, workspace)
        _check_names(workspace, config)
    written = _written(title, summary, evidence, author)
    expire_proposals(workspace=workspace)
    with transaction.atomic():
        workspace.lock()
        now = timezone.now()
        base_version, base_config = stored_policy(workspace, definition.key)
        if author is not None:
            _check_change(definition, base_config, parsed, acknowledge_large_step)
        rivals = [each for each in open_proposals(workspace, policy_key) if each.origin == origin]
        same = next((each for each in rivals if _is_same(each, base_version, parsed)), None)
        if same is not None:
            return _kept(same, author)
        places = set() if author is None else _places(policy_key, base_config, parsed.as_json())
        about = sha256_of(canonical_json({"values": sorted(places)})) if places else ""
        rivals = [each for each in rivals if each.about == about or places & _places_of(each)]
        supersede(rivals, actor=author, at=now, reason="A newer proposal took its place.")
        proposal = ConfidencePolicyProposal.objects.create(
            workspace=workspace,
            policy_key=policy_key,
            origin=origin,
            about=about,
            config=parsed.as_json(),
            base_version=base_version,
            base_config=base_config,
            large_step_acknowledged=author is not None and acknowledge_large_step,
            created_at=now,
            expires_at=now + timedelta(days=settings.CONFIDENCE_PROPOSAL_EXPIRY_DAYS),
            **written,
        )
        rows = ConfidencePolicyProposal.objects.filter(pk__in=[each.pk for each in rivals])
        rows.update(superseded_by=proposal)
        tell_superseded(rivals, by=proposal, at=now)
        write_event(proposal, "open", "", proposal.status, actor=author, at=now)
    return proposal


def propose_confidence_policy(
    *,
    actor: Person,
    workspace: Workspace,
    policy_key: str,
    title: str,
    rationale: str,
    config: object,
    acknowledge_large_step: bool = False,
) -> ConfidencePolicyProposal:
    """Open a person's proposal; what the registered sources know about its values is attached as evidence.

    Raises
    ------
    NotFound, PermissionRefused, UnknownPolicyKey, InvalidInput
        See `open_proposal`; the rationale must not be empty.
    """
    require(Verb.PROPOSE, actor, workspace)
    parsed = parse_config(get_definition(policy_key), config, pointer="/config")
    return open_proposal(
        workspace=workspace,
        policy_key=policy_key,
        origin=ConfidencePolicyProposal.Origin.PERSON,
        title=title,
        summary=rationale,
        config=config,
        evidence=gather_evidence(workspace, policy_key, parsed),
        author=actor,
        acknowledge_large_step=acknowledge_large_step,
    )


Place = tuple[tuple[tuple[str, str], ...], str]
"""A segment, and a field whose value there changes."""


def _places(policy_key: str, before: object, after: object) -> set[Place]:
    return {(change.segment, change.field.name) for change in real_changes(policy_key, before, after)}


def _places_of(proposal: ConfidencePolicyProposal) -> set[Place]:
    return _places(proposal.policy_key, proposal.base_config, proposal.config)


def _is_same(proposal: ConfidencePolicyProposal, base_version: int, config: PolicyConfig) -> bool:
    return proposal.base_version == base_version and proposal.config == config.as_json()


def _kept(proposal: ConfidencePolicyProposal, author: Person | None) -> ConfidencePolicyProposal:
    """Keep an open proposal, with the approval that it may have; a person is told where it is."""
    if author is not None:
        raise AlreadySo(f"Proposal {proposal.pk} proposes just these values already, and is still open.")
    return proposal


def _written(title: str, summary: str, evidence: Mapping[str, Any], author: Person | None) -> dict[str, Any]:
    """Return what is said for the change, checked: the columns of the texts, of the sealed evidence, of the author.

    A person says why they propose; a calibration's evidence says it.
    """
    why = "rationale" if author else "summary"
    sealed = canonical_json(evidence)
    return {
        "title": clean_text(title, name="title", max_length=TITLE_LENGTH, required=True),
        "summary": clean_text(summary, name=why, max_length=SUMMARY_LENGTH, required=author is not None),
        "evidence": sealed,
        "evidence_sha256": sha256_of(sealed),
        **(signature("author", author) if author else {}),
    }


def _check_origin(origin: str, author: Person | None) -> None:
    if origin not in ConfidencePolicyProposal.Origin.values:
        raise InvalidInput(f"The origin is one of {', '.join(ConfidencePolicyProposal.Origin.values)}.")
    if (origin == ConfidencePolicyProposal.Origin.PERSON) is not (author is not None):
        raise InvalidInput("A person's proposal has an author, and no other has.")


def _check_names(workspace: Workspace, config: Any) -> None:
    """Refuse a person's override for a name that hosts may not send: it is misspelt, or has to be declared."""
    declared = WorkspaceNames(workspace)
    problems = [
        FieldProblem(f"/config/overrides/{index}/match/{kind.value}", "name", f"{kind.value} {rule_of(kind)}")
        for index, override in enumerate(config.get("overrides", []))
        for kind in NameKind
        if kind.value in override["match"] and not name_or_blank(kind, override["match"][kind.value], declared)
    ]
    if problems:
        raise InvalidInput(f"The config is not valid: {problems[0].detail}.", problems)


def _check_change(
    definition: PolicyDefinition, base_config: object, proposed: PolicyConfig, acknowledged: bool
) -> None:
    changes = changes_between(definition, base_config, proposed)
    if not any(change.is_change for change in changes):
        raise InvalidInput("The proposed values are those in force: there is nothing to change.")
    if not acknowledged and any(change.is_large for change in changes):
        raise InvalidInput(LARGE_STEP)


LARGE_STEP = (
    "A value moves further than the largest step of its definition. "
    "Propose a smaller step, or acknowledge the large one explicitly."
)
