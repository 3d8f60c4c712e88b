"""Which versions of the policy were in force in the period, with what they rest on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest

from calibration.certified import CERTIFYING
from calibration.findings.reading import Evidence, read_evidence
from calibration.watching import Promise, promise_of
from confidence_project.evidence_pack.frame import Frame
from governance.models import ConfidencePolicyProposal, ConfidencePolicyRevision
from governance.policies.config import default_config

Action = ConfidencePolicyRevision.Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version in force from `since` (None: from the beginning) until `until` (None: it still is).

    `revision` None: the defaults of the definition, before anything was put on record.
    """

    number: int
    revision: ConfidencePolicyRevision | None
    config: object
    since: datetime | None
    until: datetime | None

    @property
    def proposal(self) -> ConfidencePolicyProposal | None:
        return self.revision.proposal if self.revision else None

    @property
    def folder(self) -> str:
        """Where its proofs are."""
        return f"proofs/version-{self.number}"

    @property
    def promise(self) -> Promise | None:
        """What the evidence of its proposal promises, certified or not."""
        return promise_of(self.proposal) if self.proposal else None

    @property
    def certificate(self) -> Promise | None:
        """The promise, where a calibration or a candidate made it."""
        return self.promise if self.proposal and self.proposal.origin in CERTIFYING else None

    @property
    def evidence(self) -> Evidence | None:
        return read_evidence(json.loads(self.proposal.evidence)) if self.proposal else None

    @property
    def why_not_certified(self) -> str:
        """Why there is no certificate; blank where there is one."""
        if self.certificate:
            return ""
        if self.revision is None or self.revision.action == Action.BASELINE:
            return "The defaults of the definition: nothing was calibrated."
        if self.revision.action == Action.ROLLBACK:
            return "Brought back by a rollback, which certifies nothing anew."
        assert self.proposal is not None  # noqa: S101 - narrows the type: what was applied was proposed
        if self.proposal.origin in CERTIFYING:
            return "Its evidence makes no promise that this release reads."
        return f"Proposed by: {self.proposal.get_origin_display().lower()}; no calibration certifies it."


def versions_in_force(frame: Frame) -> list[Version]:
    """Return every version that was in force at some time in the period, the first one first."""
    revisions = list(
        ConfidencePolicyRevision.objects.in_workspace(frame.workspace)
        .filter(policy_key=frame.key, created_at__lt=frame.as_of)
        .select_related("proposal", "restored_revision")
        .order_by("version")
    )
    changes = [each for each in revisions if each.version > 0]
    first = next((each for each in revisions if each.version == 0), None)
    # What it was before the first change is put on record by that change.
    before = Version(
        number=0,
        revision=first,
        config=first.config_after if first else default_config(frame.asked.definition),
        since=None,
        until=changes[0].created_at if changes else None,
    )
    ends = [each.created_at for each in changes[1:]]
    found = [
        before,
        *(
            Version(number=each.version, revision=each, config=each.config_after, since=each.created_at, until=until)
            for each, until in zip_longest(changes, ends)
        ),
    ]
    return [
        each
        for each in found
        if (each.until is None or each.until > frame.since) and (each.since is None or each.since < frame.end)
    ]
