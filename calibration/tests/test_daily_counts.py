"""Evidence from the daily counts is that of the ledger to the last count and hash, whatever came since."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from calibration.evidence import cases
from calibration.evidence.contract import EvidenceRequest
from calibration.evidence.counting import count
from calibration.evidence.decision_ledger import DecisionLedgerSource
from calibration.evidence.reading import KeyEvidence, by_segment, read_evidence
from calibration.models import ConfidenceCalibrationRun
from calibration.runner import run_calibration
from calibration.runs.report import run_as_text
from calibration.tests.factories import START, decision, outcome, store
from governance.definitions import DEFINITIONS, FieldKind, get_definition
from governance.models import Workspace
from governance.tests.factories import SuperuserFactory, WorkspaceFactory
from ledger.counts import services
from ledger.counts.verification import verify_counts
from ledger.models import CountedDay, DailyCount, DecisionOutcome, DecisionRecord, LedgerAmendment, OutcomeVoid
from ledger.tests.committed import until_all_is_seen

pytestmark = pytest.mark.django_db(transaction=True)


def kept() -> services.Kept:
    until_all_is_seen()
    return services.keep_counts()


DAYS = 8
END = START + timedelta(days=DAYS)
LATER = END + timedelta(days=30)
SOURCE = DecisionLedgerSource()
KEYS = {
    "confidence_gate": {"confidence_threshold": 0.9},
    "decision_gate": {"confidence_threshold": 0.8, "risk_threshold": 0.3},
}
REASONS = ["allowed", "llm_confidence_below_threshold", "ml_risk_threshold_exceeded", "kill_switch", "observed"]


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory()


def in_the_ledger(request: EvidenceRequest) -> KeyEvidence:
    """What the ledger alone says, whatever was counted before."""
    batches = count(SOURCE.rows(request), request)
    return KeyEvidence(
        policy_key=request.policy_key,
        source=SOURCE.name,
        request=request,
        segments=by_segment(batches, request.segment_by),
    )


class Ledger:
    """A ledger that grows at random: every kind of decision, outcome and correction that calibration tells apart."""

    def __init__(self, workspace: Workspace, seed: int) -> None:
        self.workspace, self.draw = workspace, Random(seed)
        self.decisions: list[DecisionRecord] = []
        self.sequences: dict[Any, int] = {}

    def decide(self, number: int) -> None:
        made = [self._decision() for _ in range(number)]
        store(made)
        self.decisions += made

    def _decision(self) -> DecisionRecord:
        draw = self.draw
        key = draw.choice(list(KEYS))
        origin = draw.choice(["gate", "gate", "import", "observed"])
        reason = draw.choice(REASONS)
        audited = origin == "gate" and draw.random() < 0.2
        at = START + timedelta(seconds=draw.randrange(DAYS * 86_400))
        return decision(
            self.workspace,
            confidence=None if draw.random() < 0.05 else round(draw.choice([0, 1, draw.random(), 0.9]), 4),
            occurred_at=at,
            timestamp=at + draw.choice([timedelta(), timedelta(days=20)]),
            policy_key=key,
            provider=draw.choice(["acme", "zenith", ""]),
            model=draw.choice(["m1", "m2"]),
            confidence_kind=draw.choice(["self_reported", "verbal", "choice_probability"]),
            task=draw.choice(["", "route"]),
            options=draw.choice([None, "3:abc"]),
            channel=draw.choice(["", "email"]),
            prompt_hash=draw.choice(["", "ab" * 32, "cd" * 32]),
            origin=origin,
            gate_verdict="allow" if reason in ("allowed", "observed") else "block",
            gate_reason=reason,
            thresholds=draw.choice([{}, KEYS[key], {"confidence_threshold": round(draw.random(), 2)}]),
            ml_risk_score=None if draw.random() < 0.3 else Decimal(str(round(draw.random(), 4))),
            case_key=draw.choice(["", "", "", f"case-{draw.randrange(8)}"]),
            audit_selected=audited,
            label_propensity=draw.choice([None, Decimal("0.1"), Decimal("0.25")]) if origin == "gate" else None,
        )  # fmt: skip

    def label(self, number: int) -> None:
        made = []
        for each in self.draw.choices(self.decisions, k=number):
            sequence = self.sequences[each.pk] = self.sequences.get(each.pk, 0) + 1
            at = each.timestamp + timedelta(hours=self.draw.randrange(1, 24 * 40))
            source = self.draw.choice([DecisionOutcome.Source.HUMAN_REVIEW, DecisionOutcome.Source.DOWNSTREAM_EVENT])
            won = self.draw.random() < 0.7
            made.append(outcome(each, won, sequence=sequence, source=source, observed_at=at, recorded_at=at))
        store([], made)

    def void(self, number: int) -> None:
        standing = list(DecisionOutcome.objects.filter(workspace=self.workspace, void=None).order_by("pk"))
        for each in self.draw.sample(standing, min(number, len(standing))):
            at = each.recorded_at + timedelta(days=1)
            OutcomeVoid.objects.create(outcome=each, workspace=self.workspace, at=at, reporter="test")

    def amend(self) -> None:
        LedgerAmendment.objects.create(
            decision=self.draw.choice(self.decisions), workspace=self.workspace, field="prompt_hash", value_before="",
            value_after="ef" * 32, reason="It was wrong.", actor_name="test", at=START,
        )  # fmt: skip

    def requests(self) -> Iterator[EvidenceRequest]:
        draw = self.draw
        moments = [START, START + timedelta(days=2), START + timedelta(days=3, hours=7), END]
        for key in KEYS:
            for segment_by in (("provider", "model"), ("provider", "model", "task", "options"), ("channel",), ()):
                start, end = sorted(draw.sample(moments, 2))
                width = (end - start) / 3
                mature = draw.choice([end, end - timedelta(days=1)])
                wanted = {*segment_by, *SOURCE.never_pooled}
                yield EvidenceRequest(
                    workspace=self.workspace,
                    policy_key=key,
                    start=start,
                    window_end=end,
                    mature_end=mature,
                    period_starts=draw.choice([(), (start + width, start + 2 * width), (start + timedelta(days=1),)]),
                    labels_as_of=draw.choice(
                        [LATER + timedelta(days=60), LATER + timedelta(days=60), START + timedelta(days=9)]
                    ),
                    received_by=draw.choice([LATER, LATER, START + timedelta(days=9)]),
                    segment_by=tuple(name for name in SOURCE.segment_keys if name in wanted),
                    asked_for=frozenset(segment_by),
                    risk_edges=draw.choice([(), (1_000, 3_000, 9_000)]) if key == "decision_gate" else (),
                )


def assert_the_same(ledger: Ledger) -> int:
    """Compare a round of requests; return how many days came from daily counts."""
    days = 0
    for request in ledger.requests():
        found, wanted = read_evidence(SOURCE, request), in_the_ledger(request)
        assert found.decisions == wanted.decisions
        assert found.sha256({}) == wanted.sha256({})
        days += len(found.days.days) if found.days else 0
    return days


@pytest.mark.parametrize("seed", range(2))
def test_daily_counts__random_ledger_that_grows__evidence_is_the_ledgers(workspace: Workspace, seed: int) -> None:
    ledger, counted = Ledger(workspace, seed), 0
    Ledger(WorkspaceFactory(), seed + 1_000).decide(20)
    for size in (300, 5, 1):
        ledger.decide(size)
        ledger.label(size)
        ledger.void(size // 10)
        kept()
        counted += assert_the_same(ledger)
        assert not [each for each in verify_counts() if each.differences or each.waits]
        # Late, and one at a time, so that some days are touched and others are not.
        ledger.label(2)
        ledger.amend()
        ledger.void(1)
        counted += assert_the_same(ledger)
    assert counted > 25


def test_daily_counts__very_many_decisions_in_cases__the_ledger_tells_them_apart(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cases, "MOST", 3)
    ledger = Ledger(workspace, 7)
    ledger.decide(200)
    ledger.label(100)
    kept()
    assert assert_the_same(ledger)


SIX_PERIODS = START + timedelta(days=12)
"""Of two days each: a day in which one began would be counted in the ledger."""


def calibrated(workspace: Workspace, window_to: datetime = SIX_PERIODS) -> ConfidenceCalibrationRun:
    return run_calibration(
        workspace=workspace,
        policy_keys=["confidence_gate"],
        window_from=START,
        window_to=window_to,
        maturity_days=0,
        dry_run=True,
    )


def days_of(run: ConfidenceCalibrationRun) -> Any:
    return run.output["policies"][0]["days"]


@pytest.fixture
def counted(workspace: Workspace) -> str:
    """Keep counts of history on four days in a row and on the last one; return the hash that the ledger alone gives."""
    for day in (0, 1, 2, 3, 7):
        made = [decision(workspace, confidence=0.95, minute=day * 1440 + minute) for minute in range(40)]
        store(made, [outcome(each, place % 9 > 0) for place, each in enumerate(made)])
    alone = calibrated(workspace)
    assert days_of(alone) is None
    kept()
    return alone.inputs_sha256


def test_run__counted_days__says_which_came_from_where(workspace: Workspace, counted: str) -> None:
    run = calibrated(workspace)
    assert run.inputs_sha256 == counted
    assert days_of(run) == {
        "counted": [["2026-01-01", "2026-01-04"], ["2026-01-08", "2026-01-08"]],
        "damaged": [],
        "in_ledger": [
            ["2026-01-05T00:00:00+00:00", "2026-01-08T00:00:00+00:00"],
            ["2026-01-09T00:00:00+00:00", "2026-01-13T00:00:00+00:00"],
        ],
    }
    said = (
        "From daily counts: 2026-01-01 to 2026-01-04, 2026-01-08. "
        "From the ledger: 2026-01-05 00:00 to 2026-01-08 00:00, 2026-01-09 00:00 to 2026-01-13 00:00 (UTC)."
    )
    assert said in " ".join(run_as_text(run).split())
    browser = Client()
    browser.force_login(SuperuserFactory())
    page = browser.get(reverse("admin:calibration_confidencecalibrationrun_change", args=[run.pk]))
    assert said in page.content.decode()


def test_run__outcome_since__reads_its_day_from_the_ledger(workspace: Workspace, counted: str) -> None:
    late = decision(workspace, confidence=0.5, minute=1_500)
    store([late], [outcome(late, False)])
    run = calibrated(workspace)
    assert run.inputs_sha256 != counted
    assert days_of(run)["counted"] == [["2026-01-01", "2026-01-01"], ["2026-01-03", "2026-01-04"], ["2026-01-08"] * 2]


def test_run__damaged_counts__reads_the_ledger_and_says_so(
    workspace: Workspace, counted: str, caplog: pytest.LogCaptureFixture
) -> None:
    DailyCount.objects.filter(counted_day__day=START.date()).update(packed=b"")
    run = calibrated(workspace)
    assert run.inputs_sha256 == counted
    assert days_of(run)["damaged"] == ["2026-01-01"]
    assert "daily counts of confidence_gate, 2026-01-01, are damaged" in caplog.text
    assert "The daily counts of 2026-01-01 are damaged: run verify_counts." in run_as_text(run)


def test_run__missing_day__is_counted_in_the_ledger(workspace: Workspace, counted: str) -> None:
    CountedDay.objects.get(day=START.date()).delete()
    run = calibrated(workspace)
    assert run.inputs_sha256 == counted
    assert days_of(run)["counted"][0] == ["2026-01-02", "2026-01-04"]


@pytest.mark.usefixtures("counted")
def test_run__whole_days__asks_the_ledger_for_nothing(workspace: Workspace) -> None:
    more = [decision(workspace, confidence=0.5, minute=day * 1440, case_key="t-1") for day in (4, 5, 5)]
    store(more)
    kept()
    with CaptureQueriesContext(connection) as queries:
        run = calibrated(workspace, window_to=START + timedelta(days=6))
    assert days_of(run)["in_ledger"] == []
    counting = ("evidence_success", "count_success")
    assert not [each["sql"] for each in queries if any(name in each["sql"] for name in counting)]
    (finding,) = run.output["policies"][0]["findings"]
    assert (finding["decisions"], finding["cohort"]["decisions_before_collapse_by_case"]) == (161, 163)


@pytest.mark.usefixtures("counted")
def test_run__definition_with_another_field__counts_are_made_anew(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition = get_definition("confidence_gate")
    (threshold,) = [each for each in definition.fields if each.kind is FieldKind.CONFIDENCE_THRESHOLD]
    others = [each for each in definition.fields if each is not threshold]
    renamed = replace(definition, fields=(replace(threshold, name="certainty"), *others))
    monkeypatch.setitem(DEFINITIONS.things, "confidence_gate", renamed)
    assert days_of(calibrated(workspace)) is None
    assert kept().counted == 5
    assert days_of(calibrated(workspace))
