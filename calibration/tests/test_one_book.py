"""The ledger is the only evidence: what hosts send, what people label and what is corrected reaches calibration.

For each policy key that gates, through HTTP, the pipelines, the form of a decision's page and the command.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from calibration.runner import run_calibration
from calibration.statistics.stratified import Stratum, stratified_failure_rate
from calibration.tests.factories import START, WINDOW, gated, outcome, review, store
from governance.definitions import DEFINITIONS, FieldKind, get_definition
from governance.models import ApiKey, Workspace
from governance.tests.callers import Caller
from governance.tests.factories import WorkspaceFactory, admin_of
from ledger.models import DecisionOutcome, DecisionRecord, DomainDecision, OutcomeVoid
from ledger.reviews import record_review
from telemetry.models import AIDraft, FollowUpBooking, MeetingOverseerDecision

pytestmark = pytest.mark.django_db(transaction=True)

KEYS = sorted(definition.key for definition in DEFINITIONS.all() if definition.gates_decisions)
AT = (START + timedelta(hours=1)).isoformat()
LATER = (START + timedelta(hours=2)).isoformat()


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory(slug="acme")


@pytest.fixture
def caller(workspace: Workspace) -> Caller:
    return Caller(workspace, [ApiKey.Scope.INGEST, ApiKey.Scope.DECIDE, ApiKey.Scope.READ])


def finding_of(workspace: Workspace, policy_key: str, look: Callable[..., Any] = run_calibration) -> dict[str, Any]:
    run = look(workspace=workspace, policy_keys=[policy_key], **WINDOW)
    return run.output["policies"][0]["findings"][0]


def counts(finding: dict[str, Any]) -> tuple[int, int, int]:
    return finding["decisions"], finding["labelled"], finding["successes"]


def decided(workspace: Workspace, policy_key: str, **fields: Any) -> DecisionRecord:
    """An unsaved decision of the gate under the confidence threshold of a policy key, 0.9."""
    definition = get_definition(policy_key)
    confidence = definition.field_of_kind(FieldKind.CONFIDENCE_THRESHOLD)
    risk = definition.field_of_kind(FieldKind.RISK_THRESHOLD)
    thresholds = {confidence.name: 0.9, **({risk.name: 0.7} if risk else {})}
    extra = {"ml_risk_score": "0.1"} if risk else {}
    return gated(workspace, policy_key=policy_key, thresholds=thresholds, **extra, **fields)


def test_the_five_keys_that_gate__are_these() -> None:
    assert KEYS == [
        "auto_send.evaluate", "confidence_gate", "decision_gate", "followup.auto_book", "meeting.overseer.gate",
    ]  # fmt: skip


@pytest.mark.parametrize("policy_key", KEYS)
def test_outcome__of_an_allowed_decision__counts(workspace: Workspace, caller: Caller, policy_key: str) -> None:
    decisions = [decided(workspace, policy_key, confidence=0.95, minute=minute) for minute in range(3)]
    store(decisions)
    for place, each in enumerate(decisions[:2]):
        body = {"external_id": f"o-{place}", "decision_id": str(each.pk), "success": place == 0, "source": "booking"}
        assert caller.post("outcomes", body).status_code == 201
    assert counts(finding_of(workspace, policy_key)) == (3, 2, 1)


@pytest.mark.parametrize("policy_key", KEYS)
def test_outcome__corrected_by_a_person__rules(workspace: Workspace, policy_key: str) -> None:
    decisions = [decided(workspace, policy_key, confidence=0.95, minute=minute) for minute in range(2)]
    store(decisions, [outcome(each, True) for each in decisions])
    record_review(actor=admin_of(workspace), decision=decisions[0], success=False, seen=1)
    assert counts(finding_of(workspace, policy_key)) == (2, 2, 1)


@pytest.mark.parametrize("policy_key", [key for key in KEYS if key != "decision_gate"])
def test_block__drawn_for_audit_and_labelled_by_a_person__counts_with_its_weight(
    workspace: Workspace, policy_key: str
) -> None:
    allowed = [decided(workspace, policy_key, confidence=0.95, minute=minute) for minute in range(400)]
    store(allowed, [outcome(each, True) for each in allowed])
    blocked = [
        decided(workspace, policy_key, confidence=0.85, minute=m, audit_selected=m < 100, label_propensity="0.2500")
        for m in range(400)
    ]
    store(blocked, [outcome(each, True, source="human_review") for each in blocked[1:100]])
    record_review(actor=admin_of(workspace), decision=blocked[0], success=False, seen=0)
    finding = finding_of(workspace, policy_key, review)
    assert (finding["labelled"], finding["recommended"]) == (400, 0.85)
    step, level = finding["answer"]["steps"][0], finding["answer"]["level"]
    strata = [Stratum(decisions=400, labelled=400, failures=0), Stratum(decisions=400, labelled=100, failures=1)]
    assert step["upper"] == stratified_failure_rate(strata, level=level)[1]


def test_audit__of_a_risk_and_confidence_policy__is_on_record_for_it(workspace: Workspace) -> None:
    block = decided(workspace, "decision_gate", confidence=0.85, audit_selected=True, label_propensity="0.2500")
    store([block])
    record_review(actor=admin_of(workspace), decision=block, success=True, seen=0)
    finding = finding_of(workspace, "decision_gate")
    assert finding["cohort"]["labels_below_threshold_in_force"] == 1


# What a host sends without having asked the gate.

SENT: dict[str, tuple[str, dict[str, Any], str, dict[str, Any], type]] = {
    "auto_send.evaluate": (
        "drafts",
        {"confidence": 0.95, "threshold": 0.9, "action": "send", "channel": "email", "case_key": "lead-1"},
        "sentiments",
        {"external_id": "in-1", "draft": "row-1", "sentiment": "negative", "created_at": LATER},
        AIDraft,
    ),
    "followup.auto_book": (
        "bookings",
        {"parse_confidence": 0.95, "threshold": 0.9, "auto_booked": True, "case_key": "lead-1"},
        "bookings/outcomes",
        {"external_id": "row-1", "outcome": "cancelled", "outcome_at": LATER},
        FollowUpBooking,
    ),
    "meeting.overseer.gate": (
        "overseer-decisions",
        {"confidence": 0.95, "message_ref": "m-1", "stage": "gate", "decision": "approve"},
        "overseer-decisions/overrides",
        {"external_id": "row-1", "human_override": "deny", "overridden_at": LATER},
        MeetingOverseerDecision,
    ),
}
ROW = {"external_id": "row-1", "created_at": AT, "provider": "acme", "model": "m1"}


@pytest.mark.parametrize("policy_key", SENT)
def test_row_of_a_host__is_observed_in_the_ledger_and_labelled_by_what_becomes_known(
    workspace: Workspace, caller: Caller, policy_key: str
) -> None:
    path, row, fact_path, fact, model = SENT[policy_key]
    assert caller.post(path, {**ROW, **row}).status_code == 201
    record = DecisionRecord.objects.get()
    assert (record.origin, record.gate_reason, record.gate_verdict) == ("observed", "observed", "allow")
    assert (record.policy_key, record.policy_version, record.label_propensity) == (policy_key, None, None)
    assert record.thresholds == ({} if policy_key == "meeting.overseer.gate" else {_field(policy_key): 0.9})
    assert (record.occurred_at.isoformat(), record.provider, record.external_id) == (AT, "acme", "row-1")
    assert record.timestamp > record.occurred_at
    assert counts(finding_of(workspace, policy_key)) == (1, 0, 0)
    for _ in range(2):  # twice is once
        assert caller.post(fact_path, fact).status_code in (200, 201)
    label = DecisionOutcome.objects.get()
    assert (label.success, label.observed_at.isoformat(), label.decision_id) == (False, LATER, record.pk)
    assert counts(finding_of(workspace, policy_key)) == (1, 1, 0)
    assert model.objects.count() == DomainDecision.objects.count() == 1


def _field(policy_key: str) -> str:
    return get_definition(policy_key).field_of_kind(FieldKind.CONFIDENCE_THRESHOLD).name


@pytest.mark.parametrize(
    ("policy_key", "change"),
    [("auto_send.evaluate", {"action": "hold"}), ("followup.auto_book", {"auto_booked": False})],
)
def test_row_of_a_host__that_was_held_back__is_a_block(caller: Caller, policy_key: str, change: dict[str, Any]) -> None:
    path, row, *_ = SENT[policy_key]
    caller.post(path, {**ROW, **row, **change})
    assert DecisionRecord.objects.get().gate_verdict == "block"


def test_row_of_a_host__of_another_stage__is_no_decision(caller: Caller) -> None:
    path, row, *_ = SENT["meeting.overseer.gate"]
    caller.post(path, {**ROW, **row, "stage": "extract"})
    assert not DecisionRecord.objects.exists()


def test_row_of_a_host__that_is_refused__leaves_no_record(caller: Caller) -> None:
    path, row, *_ = SENT["meeting.overseer.gate"]
    rows = [{**ROW, **row}, {**ROW, **row, "external_id": "row-2"}]
    assert caller.post(path, rows).status_code == 207
    assert DecisionRecord.objects.count() == MeetingOverseerDecision.objects.count() == 1


def test_disposition__that_comes_after_the_label__voids_it_and_it_counts_no_more(
    workspace: Workspace, caller: Caller
) -> None:
    path, row, fact_path, fact, _ = SENT["auto_send.evaluate"]
    caller.post(path, {**ROW, **row})
    caller.post(fact_path, fact)
    assert counts(finding_of(workspace, "auto_send.evaluate")) == (1, 1, 0)
    caller.post("drafts/dispositions", {"external_id": "row-1", "disposition": "edited"})
    assert OutcomeVoid.objects.count() == 1
    assert counts(finding_of(workspace, "auto_send.evaluate")) == (1, 0, 0)


def test_label__of_a_person_in_the_desk__outranks_the_domains_own(workspace: Workspace, caller: Caller) -> None:
    path, row, fact_path, fact, _ = SENT["auto_send.evaluate"]
    caller.post(path, {**ROW, **row})
    caller.post(fact_path, fact)
    record_review(actor=admin_of(workspace), decision=DecisionRecord.objects.get(), success=True, seen=1)
    assert counts(finding_of(workspace, "auto_send.evaluate")) == (1, 1, 1)


# Rows from before.


def _rows_from_before(workspace: Workspace, number: int = 3) -> None:
    for place in range(number):
        at = START + timedelta(hours=place)
        source = {"workspace": workspace, "created_at": at, "provider": "acme", "model": "m1"}
        draft = AIDraft.objects.create(**source, confidence="0.9500", threshold="0.9000", external_id=f"d-{place}")
        draft.replies.create(workspace=workspace, created_at=at + timedelta(hours=1), sentiment="positive")
        FollowUpBooking.objects.create(
            **source, parse_confidence="0.9500", auto_booked=True, outcome="kept", outcome_at=at + timedelta(days=1)
        )
        MeetingOverseerDecision.objects.create(
            **source, message_ref=f"m-{place}", stage="gate", decision="approve", confidence="0.9000"
        )


def take_over(*arguments: str) -> str:
    output = StringIO()
    call_command("take_over_records", *arguments, stdout=output)
    return output.getvalue()


def test_takeover__records_and_labels_once(workspace: Workspace) -> None:
    _rows_from_before(workspace)
    assert take_over("--workspace", "acme") == "acme: 9 decisions are new in the ledger.\n"
    assert take_over() == "acme: 0 decisions are new in the ledger.\n"
    assert DecisionRecord.objects.count() == DomainDecision.objects.count() == 9
    assert DecisionOutcome.objects.count() == 6
    assert {record.origin for record in DecisionRecord.objects.all()} == {"observed"}
    assert min(record.timestamp for record in DecisionRecord.objects.all()) > timezone.now() - timedelta(hours=1)


def test_takeover__broken_off__goes_on_and_counts_nothing_twice(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    _rows_from_before(workspace, 5)
    monkeypatch.setattr("ledger.domains.takeover.CHUNK", 2)
    chunks = iter(range(3))

    def break_off(_: Callable[..., object], rows: int) -> None:
        if next(chunks, None) is None:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("ledger.management.commands.take_over_records.tqdm.update", break_off)
        with pytest.raises(KeyboardInterrupt):
            take_over()
    assert 0 < DecisionRecord.objects.count() < 15
    take_over()
    assert DecisionRecord.objects.count() == DomainDecision.objects.count() == 15
    assert DecisionOutcome.objects.count() == 10


def test_takeover__after_a_setting_changed__brings_labels_in_line(workspace: Workspace, settings: Any) -> None:
    _rows_from_before(workspace, 1)
    take_over()
    assert counts(finding_of(workspace, "followup.auto_book")) == (1, 1, 1)
    settings.CONFIDENCE_BOOKING_OUTCOMES = {"success": [], "failure": ["kept"]}
    take_over()
    assert counts(finding_of(workspace, "followup.auto_book")) == (1, 1, 0)
    settings.CONFIDENCE_BOOKING_OUTCOMES = {"success": [], "failure": []}
    take_over()
    assert counts(finding_of(workspace, "followup.auto_book")) == (1, 0, 0)


def test_takeover__unknown_workspace__says_so() -> None:
    with pytest.raises(CommandError, match="workspace"):
        take_over("--workspace", "nobody")
