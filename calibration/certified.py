"""Certified thresholds in force: what software may go by, each with its promise and the revision that it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC
from typing import Annotated, Any, Literal

from django.utils import timezone
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from calibration.findings.certificates import THRESHOLDS_SCHEMA
from calibration.models import PolicyAlarm
from calibration.reviews.calendar import outlook
from calibration.watching import Promise, promise_of, watched_revisions
from confidence_project.foundation.errors import InvalidInput, UnknownPolicyKey
from confidence_project.foundation.validation import problems_in
from governance.definitions import FieldKind, PolicyDefinition, get_definition
from governance.models import ConfidencePolicyProposal, ConfidencePolicyRevision, Workspace
from governance.policies.config import PolicyConfig, parse_config
from ledger.models import LogLeaf
from ledger.transparency.governed import REVISIONS

CERTIFYING = frozenset({ConfidencePolicyProposal.Origin.CALIBRATION, ConfidencePolicyProposal.Origin.CANDIDATE})
"""Where a proposal comes from whose promise is a certificate."""

Share = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
Threshold = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class CertifiedThreshold(BaseModel):
    """A threshold for decisions that `match`; `certify` leaves out what only a workspace knows."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    policy_key: str | None = Field(default=None, description="Left out: the file is of no workspace.")
    match: dict[str, str] = Field(description="Of which decisions: all that carry these; empty: all of the policy.")
    at_least: Threshold
    at_most: Threshold | None = Field(default=None, description="Left out: there is no upper bound.")
    target_failure_rate: Share | None = Field(default=None, description="α; left out: the file's.")
    risk_confidence: Share | None = Field(
        default=None, description="1 − δ, for all segments of the revision together; left out: the file's."
    )
    policy_version: int | None = None
    revision: int | None = Field(default=None, description="Id of the revision that put it in force.")
    evidence_sha256: str | None = Field(default=None, description="Of the evidence that the proposal was approved on.")
    applied_at: str | None = Field(default=None, description="RFC 3339, UTC.")
    expires_on: str | None = Field(
        default=None, description="Date (UTC) of the policy's next review, which looks anew; left out: none is planned."
    )
    revision_leaf: str | None = Field(
        default=None, description="Leaf hash (hex) of the revision in the transparency log; left out: not logged yet."
    )


class ThresholdsFile(BaseModel):
    """Certified thresholds, for software to read: `GET /api/v1/thresholds`, `certify --thresholds`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    schema_: Literal["confidence-thresholds/1"] = Field(alias="schema")
    target_failure_rate: Share | None = None
    risk_confidence: Share | None = None
    file_sha256: str | None = Field(default=None, description="Of the labelled file that `certify` read.")
    thresholds: list[CertifiedThreshold]


_FILE = TypeAdapter(ThresholdsFile)


def read_thresholds(document: object) -> ThresholdsFile:
    """Return a file's thresholds; raise `InvalidInput` that names the field of what is none."""
    try:
        return _FILE.validate_python(document)
    except ValidationError as error:
        problems = problems_in(error)
        where = problems[0].pointer or "the file"
        detail = f"No thresholds of the form {THRESHOLDS_SCHEMA}: {where}: {problems[0].detail}."
        raise InvalidInput(detail, problems) from None


def certified_thresholds(workspace: Workspace) -> list[CertifiedThreshold]:
    """Return what calibrations and candidates have certified and is in force, by policy and segment.

    Left out is what a person proposed or went back to, and a revision whose promise an alarm has found broken.
    """
    alarmed = set(PolicyAlarm.objects.in_workspace(workspace).values_list("revision_id", flat=True))
    return [
        threshold
        for revision in sorted(watched_revisions(workspace), key=lambda each: each.policy_key)
        if revision.pk not in alarmed
        for threshold in _of_revision(revision)
    ]


def _expiry(revision: ConfidencePolicyRevision) -> str | None:
    coming = outlook(revision.workspace, revision.policy_key, timezone.now()).coming
    return coming.on.isoformat() if coming else None


def _leaf(revision: ConfidencePolicyRevision) -> str | None:
    logged = LogLeaf.objects.filter(entry=REVISIONS.entry, entry_id=REVISIONS.entry_id_of(revision.pk))
    found = logged.values_list("leaf_hash", flat=True).first()
    return None if found is None else bytes(found).hex()


def _of_revision(revision: ConfidencePolicyRevision) -> Iterator[CertifiedThreshold]:
    proposal = revision.proposal
    promise = promise_of(proposal) if proposal and proposal.origin in CERTIFYING else None
    if proposal is None or promise is None:
        return
    try:
        definition = get_definition(revision.policy_key)
        config = parse_config(definition, revision.config_after)
    except (UnknownPolicyKey, InvalidInput):
        return  # the gate blocks under such a policy, too
    for segment in promise.segments:
        bounds = _bounds(definition, config, segment)
        if bounds is not None:
            yield _entry(revision, proposal, promise, segment, bounds)


def _bounds(
    definition: PolicyDefinition, config: PolicyConfig, segment: Mapping[str, str]
) -> tuple[float, float | None] | None:
    least = definition.field_of_kind(FieldKind.CONFIDENCE_THRESHOLD)
    most = definition.field_of_kind(FieldKind.CONFIDENCE_CEILING)
    if least is None:
        return None
    ceiling = config.value(definition, most.name, segment) if most else 1.0
    return config.value(definition, least.name, segment), ceiling if ceiling < 1 else None


def _entry(
    revision: ConfidencePolicyRevision,
    proposal: ConfidencePolicyProposal,
    promise: Promise,
    segment: Mapping[str, str],
    bounds: tuple[float, float | None],
) -> CertifiedThreshold:
    return CertifiedThreshold(
        policy_key=revision.policy_key,
        match={key: value for key, value in segment.items() if value},
        at_least=bounds[0],
        at_most=bounds[1],
        target_failure_rate=promise.alpha,
        risk_confidence=round(1 - promise.delta, 12),
        policy_version=revision.version,
        revision=revision.pk,
        evidence_sha256=proposal.evidence_sha256,
        applied_at=revision.created_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        expires_on=_expiry(revision),
        revision_leaf=_leaf(revision),
    )


def as_json(thresholds: Iterable[CertifiedThreshold]) -> dict[str, Any]:
    """Return thresholds as a file of them says it."""
    return {"schema": THRESHOLDS_SCHEMA, "thresholds": [each.model_dump(exclude_none=True) for each in thresholds]}


def no_longer_in_force(
    read: ThresholdsFile, current: Sequence[CertifiedThreshold], *, policy_key: str | None = None
) -> list[tuple[int, str]]:
    """Return the places of thresholds that no certified threshold in force bears out, each with the reason.

    One is borne out by the same bounds for the same decisions of the same policy, whose promise is at least as strong.

    Parameters
    ----------
    policy_key
        Of thresholds that name none, as those of `certify` do not.

    Raises
    ------
    InvalidInput
        A threshold names no policy key, and none was given.
    """
    found = []
    for place, wanted in enumerate(read.thresholds):
        key = wanted.policy_key or policy_key
        if key is None:
            raise InvalidInput(f"/thresholds/{place}/policy_key: missing; say with --policy-key which policy it is of.")
        alike = [each for each in current if each.policy_key == key and each.match == wanted.match]
        reason = _why_not(read, wanted, alike)
        if reason:
            found.append((place, reason))
    return found


def _why_not(read: ThresholdsFile, wanted: CertifiedThreshold, alike: Sequence[CertifiedThreshold]) -> str:
    same = [each for each in alike if (each.at_least, each.at_most) == (wanted.at_least, wanted.at_most)]
    if not alike:
        return "nothing is certified for these decisions now"
    if not same:
        return "another threshold is in force"
    alpha = wanted.target_failure_rate or read.target_failure_rate or 1.0
    confidence = wanted.risk_confidence or read.risk_confidence or 0.0
    kept = any(
        (each.target_failure_rate or 1.0) <= alpha and (each.risk_confidence or 0.0) >= confidence for each in same
    )
    return "" if kept else "its promise is weaker now"
