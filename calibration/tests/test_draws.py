"""Where the rules say that people label what is drawn, drawn decisions count on both sides, and nothing else does."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from calibration.candidates.looking import look_at_candidate
from calibration.candidates.registering import register_candidate
from calibration.models import Candidate
from calibration.runner import run_calibration
from calibration.statistics.fixed_sequence import failure_p_values
from calibration.statistics.stratified import Stratum, is_certified
from calibration.tests.factories import START, WINDOW, gated, history, outcome, review, store
from calibration.watching import count_allowed
from confidence_project.foundation.errors import InvalidInput
from governance.controls.services import set_audit_sampling
from governance.models import AuditSampling, ConfidencePolicyProposal, Workspace
from governance.sampling_rates import SamplingRates, SamplingRule
from governance.tests.browser import signed_in, words
from governance.tests.factories import WorkspaceFactory, admin_of, applied
from ledger.labelling.rules import set_labelling_rules
from ledger.models import DecisionOutcome, LabellingRules

pytestmark = pytest.mark.django_db

KEY = "confidence_gate"
HUMAN = DecisionOutcome.Source.HUMAN_REVIEW


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory()


def people_label(workspace: Workspace, **times: Any) -> LabellingRules:
    """Say that labels come from what was drawn, as if before the window."""
    rules = set_labelling_rules(
        actor=admin_of(workspace), workspace=workspace, policy_key=KEY, reason="No events.", label_source="drawn"
    )
    LabellingRules.objects.filter(pk=rules.pk).update(**(times or {"started_at": START - timedelta(days=1)}))
    return rules


def decided(
    workspace: Workspace, confidence: float, decisions: int, *, drawn: int, failures: int, rate: str, labelled: int = -1
) -> None:
    """Decisions under a lottery, of which the drawn ones have a person's label, or the first of them."""
    made = [
        gated(workspace, confidence=confidence, minute=place, audit_selected=place < drawn, label_propensity=rate)
        for place in range(decisions)
    ]
    asked = made[: drawn if labelled < 0 else labelled]
    store(made, [outcome(each, place >= failures, source=HUMAN) for place, each in enumerate(asked)])


def finding_of(workspace: Workspace, **options: Any) -> dict[str, Any]:
    run = review(workspace=workspace, policy_keys=[KEY], **WINDOW, **options)
    (finding,) = run.output["policies"][0]["findings"]
    return finding


def test_draws__uneven_rates_on_both_sides__weighted_by_all_decisions_and_tested_exactly(workspace: Workspace) -> None:
    people_label(workspace)
    decided(workspace, 0.95, 2_000, drawn=200, failures=1, rate="0.1")
    decided(workspace, 0.85, 1_000, drawn=250, failures=3, rate="0.25")
    finding = finding_of(workspace)
    assert (finding["method"], finding["recommended"]) == ("draws", 0.85)
    strata = [
        {"decisions": 2_000, "labelled": 200, "failures": 1},
        {"decisions": 1_000, "labelled": 250, "failures": 3},
    ]
    assert finding["answer"]["strata"] == strata
    weighted = (2_000 * 1 / 200 + 1_000 * 3 / 250) / 3_000
    assert finding["at_recommended"]["failure_rate"] == pytest.approx(weighted)
    assert finding["at_current"]["failure_rate"] == pytest.approx(1 / 200)
    exact = is_certified([Stratum(**each) for each in strata], alpha=0.05, level=finding["answer"]["level"])
    assert exact is True
    assert "decisions, drawn or not, of the cohort" in finding["statement"]
    assert "drawn at random at the rates on record" in finding["statement"]
    assert "People label what was drawn" in finding["explanation"]
    assert ConfidencePolicyProposal.objects.get().config["overrides"][0]["values"] == {"confidence_threshold": 0.85}


def test_draws__one_rate__is_the_exact_binomial_test(workspace: Workspace) -> None:
    people_label(workspace)
    decided(workspace, 0.95, 1_000, drawn=100, failures=1, rate="0.1")
    finding = finding_of(workspace)
    level = finding["answer"]["level"]
    assert (finding["recommended"] is not None) == bool(failure_p_values([1], [100], 0.05)[0] <= level)


def test_draws__a_drawn_one_without_a_label__is_a_failure(workspace: Workspace) -> None:
    people_label(workspace)
    decided(workspace, 0.95, 1_000, drawn=200, failures=0, rate="0.2", labelled=180)
    finding = finding_of(workspace)
    assert finding["at_current"]["failure_rate"] == pytest.approx(20 / 200)
    assert finding["reason"] == "NOT_CERTIFIABLE"


def test_draws__labels_of_what_was_not_drawn__left_aside_and_counted(workspace: Workspace) -> None:
    people_label(workspace)
    decided(workspace, 0.95, 1_000, drawn=200, failures=60, rate="0.2")
    others = [gated(workspace, confidence=0.95, minute=place, label_propensity="0.2") for place in range(700)]
    store(others, [outcome(each, True) for each in others])
    history(workspace, {0.95: (50, 0)})
    finding = finding_of(workspace)
    assert finding["reason"] == "NOT_CERTIFIABLE"
    assert finding["cohort"]["kind"] == "drawn"
    assert finding["cohort"]["labels_left_aside"] == 700
    assert finding["cohort"]["labels_not_pooled"] == 50
    assert "700 labels of what was not drawn were left aside" in finding["explanation"]


def test_draws__most_were_in_no_draw__they_may_fail_at_any_rate(workspace: Workspace) -> None:
    people_label(workspace)
    decided(workspace, 0.95, 1_000, drawn=200, failures=0, rate="0.2")
    store([gated(workspace, confidence=0.95, minute=place) for place in range(1_000)])
    assert finding_of(workspace)["recommended"] is None


def test_events__drawn_ones_beside_gaps__left_aside_and_said(workspace: Workspace) -> None:
    decided(workspace, 0.95, 100, drawn=100, failures=0, rate="0.5")
    allowed = [gated(workspace, confidence=0.95, minute=place, label_propensity="0.5") for place in range(400)]
    store(allowed, [outcome(each, place >= 40) for place, each in enumerate(allowed[:300])])
    finding = finding_of(workspace)
    assert (finding["at_current"]["labelled"], finding["at_current"]["failures"]) == (300, 40)
    assert finding["cohort"]["labels_left_aside"] == 100
    assert "100 labels of drawn decisions were left aside" in finding["explanation"]


def test_events__that_label_everything__drawn_ones_count_as_every_decision_does(workspace: Workspace) -> None:
    decided(workspace, 0.95, 100, drawn=100, failures=1, rate="0.5")
    allowed = [gated(workspace, confidence=0.95, minute=place, label_propensity="0.5") for place in range(400)]
    store(allowed, [outcome(each, place >= 2) for place, each in enumerate(allowed)])
    finding = finding_of(workspace)
    assert (finding["at_current"]["labelled"], finding["at_current"]["failures"]) == (500, 3)
    assert finding["cohort"]["labels_left_aside"] == 0
    assert "100 of these decisions were drawn, too, and what a person said of one rules" in finding["explanation"]


def test_source__said_after_the_window_began__has_no_say_in_its_review(workspace: Workspace) -> None:
    people_label(workspace, started_at=START + timedelta(minutes=1))
    decided(workspace, 0.95, 1_000, drawn=200, failures=0, rate="0.2")
    assert finding_of(workspace)["method"] != "draws"
    # A run that only tightens looks at what is in force now.
    run = run_calibration(workspace=workspace, policy_keys=[KEY], tighten_only=True, **WINDOW)
    assert run.output["policies"][0]["findings"][0]["method"] == "draws"


def test_source__changes_the_hash_of_the_inputs__and_events_do_not(workspace: Workspace) -> None:
    decided(workspace, 0.95, 1_000, drawn=200, failures=0, rate="0.2")
    hashes = []
    for source in (None, "events", "drawn"):
        if source is not None:
            set_labelling_rules(
                actor=admin_of(workspace), workspace=workspace, policy_key=KEY, reason="Test.", label_source=source
            )
        run = run_calibration(workspace=workspace, policy_keys=[KEY], tighten_only=True, **WINDOW)
        hashes.append(run.output["policies"][0]["inputs_sha256"])
    assert hashes[0] == hashes[1] != hashes[2]


def drawn_at(workspace: Workspace, at: datetime, blocked: str, *rules: SamplingRule) -> None:
    """Rates as if they had been set before."""
    set_audit_sampling(
        actor=admin_of(workspace),
        workspace=workspace,
        policy_key=KEY,
        rates=SamplingRates(Decimal(blocked), rules),
        reason="To learn.",
    )
    AuditSampling.objects.in_force().update(started_at=at)


def test_candidate__people_label__registered_at_the_lowest_rate_of_both_sides(workspace: Workspace) -> None:
    def propensity(threshold: float) -> float:
        candidate = register_candidate(
            actor=None, workspace=workspace, policy_key=KEY, threshold=threshold, reason="Test."
        )
        return candidate.propensity

    thin_top = SamplingRule(rate=Decimal("0.05"), side="allowed", confidence_from=9_500)
    rest = SamplingRule(rate=Decimal("0.4"), side="allowed")
    thick_far_below = SamplingRule(rate=Decimal("0.01"), side="blocked", confidence_below=7_000)
    drawn_at(workspace, START, "0.5", thin_top, rest, thick_far_below)
    assert propensity(0.8) == 0.5
    assert propensity(0.65) == 0.01
    people_label(workspace)
    assert propensity(0.8) == 0.05
    drawn_at(workspace, START, "0.5", thin_top)
    with pytest.raises(InvalidInput, match="never drawn"):
        propensity(0.8)


def test_candidate__people_label__only_drawn_ones_count_and_a_missing_label_fails(workspace: Workspace) -> None:
    people_label(workspace)
    candidate = Candidate.objects.create(
        workspace=workspace, policy_key=KEY, threshold=0.8, target_failure_rate=0.05, maturity_days=7,
        propensity=0.1, number=0, level=0.005, registered_at=START - timedelta(hours=1),
    )  # fmt: skip
    decided(workspace, 0.95, 400, drawn=40, failures=2, rate="0.1", labelled=35)
    decided(workspace, 0.85, 400, drawn=30, failures=0, rate="0.1")
    others = [gated(workspace, confidence=0.95, minute=place, label_propensity="0.1") for place in range(100)]
    store(others, [outcome(each, True) for each in others])
    found = look_at_candidate(candidate).evidence
    assert (found.labelled, found.failures) == (70, 7)


def test_alarm__people_label__only_drawn_ones_count_thinned_to_one_chance(workspace: Workspace) -> None:
    evidence = {"parameters": {"target_failure_rate": 0.05, "risk_confidence": 0.95, "maturity_days": 0.0}}
    revision = applied(workspace, 0.8, evidence=evidence)
    at = revision.created_at
    people_label(workspace, started_at=at)
    drawn_at(
        workspace, at, "0.5",
        SamplingRule(rate=Decimal("0.1"), side="allowed", confidence_from=9_500), SamplingRule(rate=Decimal("0.4")),
    )  # fmt: skip
    made = [
        gated(
            workspace, confidence=confidence, threshold=0.8, policy_version=revision.version, occurred_at=at,
            timestamp=at, audit_selected=place < drawn, label_propensity=rate,
        )
        for confidence, drawn, rate in ((0.95, 40, "0.1"), (0.85, 400, "0.4"))
        for place in range(1_000)
    ]  # fmt: skip
    store(made, [outcome(each, True) for each in made[5:1_000]])
    day = timedelta(days=1)
    counted = count_allowed(revision, {}, since=at - day, until=at + day, labels_as_of=at + day)
    ((_, labelled, failures),) = counted
    # Each of the 40, and a quarter of the 400: within five standard deviations of 100. Without a label: a failure.
    in_thick = labelled - 40
    assert 57 < in_thick < 143
    assert failures == 5 + in_thick


def test_rules__source_in_the_form__in_force_and_shown(workspace: Workspace) -> None:
    client = signed_in(admin_of(workspace))
    sent = {"workspace": workspace.pk, "policy_key": KEY, "due_days": 7, "twice_share": 0, "known_share": 0}
    client.post(reverse("admin:ledger_labellingrules_add"), {**sent, "label_source": "drawn", "reason": "No events."})
    assert LabellingRules.objects.get().label_source == "drawn"
    assert "People, of what was drawn on either side" in words(
        client.get(reverse("admin:ledger_labellingrules_changelist"))
    )


def test_draws__page_of_the_proposal__says_the_source_and_the_rates(workspace: Workspace) -> None:
    people_label(workspace)
    decided(workspace, 0.95, 2_000, drawn=200, failures=1, rate="0.1")
    decided(workspace, 0.85, 1_000, drawn=250, failures=3, rate="0.25")
    finding_of(workspace)
    proposal = ConfidencePolicyProposal.objects.get()
    page = words(
        signed_in(admin_of(workspace)).get(
            reverse("admin:governance_confidencepolicyproposal_change", args=[proposal.pk])
        )
    )
    assert "given that decisions were drawn at random at the rates on record" in page
    assert Decimal("0.85") == Decimal(str(proposal.config["overrides"][0]["values"]["confidence_threshold"]))
