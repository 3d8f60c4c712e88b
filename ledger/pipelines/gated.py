"""A decision of a domain: judged once, and its record committed together with the rows of the domain."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from typing import Annotated

from django.core.exceptions import ValidationError
from django.utils import timezone
from pydantic import BaseModel, ConfigDict, StringConstraints

from confidence_project.foundation.errors import Conflict, DomainError
from confidence_project.foundation.submissions import Stored, commit_with_retry
from governance.models import Workspace
from governance.policies import current_version, hold
from ledger.contracts import DecisionGatePayload
from ledger.domains.book import link_of
from ledger.emission import emit_verdicts
from ledger.gate import DecisionGate
from ledger.models import DecisionRecord
from ledger.pipelines.decisions import gate_over
from ledger.recording import RecordedAlongside, as_model, insert_records, record_of
from ledger.services import decisions_by_external_id
from telemetry.models import HostRecord

Reference = Annotated[str, StringConstraints(strict=True, pattern=r"^[\x21-\x7e]{1,150}$")]
"""An id that the host made, short enough to go into the ids of what rests on it."""

PromptText = Annotated[str, StringConstraints(strict=True, max_length=200_000)]
"""Text for a prompt: sent to the provider, stored nowhere."""


class GatedRequest(BaseModel):
    """What a domain asks a pipeline. Its hash tells a repetition from another request under the same id."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @property
    def body_sha256(self) -> str:
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def find_decided(workspace: Workspace, ledger_id: str, body_sha256: str) -> DecisionRecord | None:
    """Return the record of the same request, None when there is none yet.

    Raises
    ------
    Gone
        The decision under this id was removed.
    Conflict
        Another request was decided under this id.
    """
    known = decisions_by_external_id(workspace, [ledger_id]).get(ledger_id)
    if known is None:
        return None
    record, known_sha256 = known
    if isinstance(record, DomainError):
        raise record
    if known_sha256 != body_sha256:
        raise Conflict("Another request was decided under this id; a new decision needs an id of its own.")
    return as_model(record)


def build_record(
    workspace: Workspace,
    payload: DecisionGatePayload,
    gate: DecisionGate,
    *,
    ledger_id: str,
    case_key: str = "",
    interaction_id: int | None = None,
) -> DecisionRecord:
    """Let the gate judge now, and return the unsaved record of its verdict."""
    alongside = RecordedAlongside(
        occurred_at=timezone.now(),
        external_id=ledger_id,
        case_key=case_key,
        interaction_id=interaction_id,
        sampling=gate.context.sampling,
    )
    return as_model(record_of(workspace, payload, gate.evaluate(payload, case_key=case_key), alongside))


def gate_once(
    workspace: Workspace,
    payload: DecisionGatePayload,
    *,
    ledger_id: str,
    body_sha256: str,
    case_key: str = "",
    interaction_id: int | None = None,
    row: Callable[[DecisionRecord], HostRecord] | None = None,
) -> Stored[DecisionRecord]:
    """Judge `payload` by what governs when it is committed, and commit the verdict with the domain's row of it.

    Raises
    ------
    Conflict, RuntimeError
        See `commit_once`.
    """

    def judge() -> Judged:
        record = build_record(
            workspace,
            payload,
            gate_over(workspace, payload.policy_key),
            ledger_id=ledger_id,
            case_key=case_key,
            interaction_id=interaction_id,
        )
        return record, [row(record)] if row else []

    return commit_once(workspace, ledger_id, body_sha256, judge)


Judged = tuple[DecisionRecord, Sequence[HostRecord]]
"""The unsaved record of a verdict, and the unsaved rows of its domain."""


def commit_once(
    workspace: Workspace, ledger_id: str, body_sha256: str, judge: Callable[[], Judged]
) -> Stored[DecisionRecord]:
    """Commit a verdict and the rows of its domain, all or none; whoever comes second gets the first one's record.

    Parameters
    ----------
    judge
        Reads what governs and gives the verdict. It is called inside the transaction, and again when something that
        governs has changed before the commit.

    Raises
    ------
    Conflict
        Another request was decided under this id, or a row of the domain was submitted already without the gate.
    RuntimeError
        When called inside a transaction: no verdict leaves before its record is committed.
    """

    def write() -> Stored[DecisionRecord]:
        known = find_decided(workspace, ledger_id, body_sha256)
        if known is not None:
            return Stored(known, created=False)
        governed_by = current_version(workspace.pk)
        record, rows = judge()
        # The id first: whoever decides the same at this moment is met here, and not by the rows that it left.
        insert_records([vars(record)], {ledger_id: body_sha256})
        for row in rows:
            _check_not_submitted(row)
            row.save(force_insert=True)
            if link := link_of(record, row):
                link.save(force_insert=True)
        hold(workspace, governed_by)
        return Stored(record, created=True)

    started = time.perf_counter()
    stored = commit_with_retry(write)
    if stored.created:
        emit_verdicts(workspace, [vars(stored.record)], seconds=time.perf_counter() - started)
    return stored


def _check_not_submitted(row: HostRecord) -> None:
    try:
        row.validate_constraints()
    except ValidationError:
        raise Conflict(
            f"This {row._meta.verbose_name} was submitted already, without the gate; decide it under another id."
        ) from None
