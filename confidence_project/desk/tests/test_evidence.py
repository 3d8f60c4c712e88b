"""The proposal's page and the run's: evidence in words, tables and pictures."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from django.db.models import F
from django.urls import reverse

from calibration.findings.reading import read_evidence
from calibration.runs.report import run_as_text
from calibration.tests.factories import START, gated, history, outcome, review, store
from confidence_project.desk.tests.calibrated import DAY, calibrated
from confidence_project.foundation.formatting import percent, segment, threshold
from governance.models import ConfidencePolicy, ConfidencePolicyProposal
from governance.tests.browser import page, signed_in, words
from governance.tests.factories import WorkspaceFactory, admin_of, applied, pending, viewer_of
from governance.workflow import approve_confidence_policy_proposal
from telemetry.models import AIInteraction

pytestmark = pytest.mark.django_db


@pytest.fixture
def found(db):
    return calibrated(WorkspaceFactory())


def groups_of(response):
    (data,) = re.findall(r'<script id="groups-0" type="application/json">(.*?)</script>', response.content.decode())
    return json.loads(data)


def test_proposal__page__says_the_change_its_effect_and_its_promise_in_a_sentence(found):
    _, proposal = found
    finding = json.loads(proposal.evidence)["findings"][0]
    shown = words(signed_in(viewer_of(proposal.workspace)).get(page(proposal)))
    assert f"from 0.9 to {finding['recommended']:.4g} for acme · honest" in shown
    assert f"{percent(finding['change']['expected_coverage'])} of all decisions" in shown
    promise = "With 95 % confidence at most 5 % of what it allows fails, as far as outcomes are known"
    assert promise in shown
    assert "has no label" not in shown
    assert f"of {finding['at_recommended']['labelled']:,} with a label did)" in shown
    assert "One other segment stays as it is." in shown


def test_proposal__page__shows_the_refused_segment_with_its_reason(found):
    _, proposal = found
    shown = words(signed_in(viewer_of(proposal.workspace)).get(page(proposal)))
    assert "Left as it is" in shown
    assert "acme · braggart" in shown
    assert "It is not shown that no threshold would do." in shown


def gated_proposal(unlabelled, **audits):
    """What is proposed from 1,000 labelled decisions at 0.95 and so many without a label, under a gate.

    With audits it is to go below 0.9; without, failures at 0.91 are a reason to go up.
    """
    workspace = WorkspaceFactory()
    allowed = [gated(workspace, confidence=0.95, minute=minute) for minute in range(1_000 + unlabelled)]
    drawn = [
        gated(workspace, confidence=0.85, minute=m, audit_selected=True, **audits) for m in range(250 * len(audits))
    ]
    failed = [] if audits else [gated(workspace, confidence=0.91, minute=minute) for minute in range(100)]
    store(
        [*allowed, *drawn, *failed],
        [outcome(each, place >= 5) for place, each in enumerate(allowed[:1_000])]
        + [outcome(each, True) for each in drawn]
        + [outcome(each, False) for each in failed],
    )
    review(workspace=workspace, policy_keys=["confidence_gate"], **DAY)
    return read_evidence(json.loads(ConfidencePolicyProposal.objects.get(workspace=workspace).evidence))


@pytest.mark.parametrize(("unlabelled", "share"), [(100, None), (250, "20 %"), (400, "28.6 %")])
def test_sentence__decisions_without_a_label__are_named_where_they_are_many(db, unlabelled, share):
    sentence = gated_proposal(unlabelled).sentence
    assert (
        "at most 5 % of what it allows fails, as far as outcomes are known (0.5 % of 1,000 with a label did)."
        in sentence
    )
    assert sentence.endswith(f"with a label did). {share} of what it allows has no label." if share else "did).")


def test_sentence__audits_below_the_threshold_in_force__speaks_of_all_that_is_allowed(db):
    sentence = gated_proposal(0, label_propensity="1.0000").sentence
    assert "at most 5 % of what it allows fails, given that no label is missing because of its outcome (" in sentence


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("complete_history", "7 labels belong to decisions of the gate, beside imported history, and were not pooled."),
        (
            "at_or_above_threshold_in_force",
            "7 labels belong to imported history, beside decisions of the gate, and were not pooled.",
        ),
    ],
)
def test_not_covered__labels_of_the_other_kind__says_which(found, kind, said):
    _, proposal = found
    evidence = json.loads(proposal.evidence)
    evidence["findings"][0]["cohort"].update(kind=kind, labels_not_pooled=7)
    assert said in read_evidence(evidence).subjects[0].not_covered


def test_proposal__explorer__knows_both_thresholds_exactly_and_every_group_from_the_stored_curve(found):
    _, proposal = found
    finding = json.loads(proposal.evidence)["findings"][0]
    data = groups_of(signed_in(viewer_of(proposal.workspace)).get(page(proposal)))
    by_threshold = {group["threshold"]: group for group in data["groups"]}
    for name in ("at_current", "at_recommended"):
        group = by_threshold[finding[name]["threshold"]]
        assert group["allowed"] == finding[name]["allowed"]
        assert group["failures"] == [finding[name]["failure_rate"], *finding[name]["interval"]]
    assert set(by_threshold) >= {point["threshold"] for point in finding["operating_curve"]}
    assert list(by_threshold) == sorted(by_threshold)


@pytest.mark.parametrize("kind", ["pair", "band"])
def test_explorer__of_two_values__both_places_are_those_of_the_sentence(kind):
    workspace = WorkspaceFactory()
    proposal = {"pair": a_pair, "band": a_band}[kind](workspace)
    first, second = json.loads(proposal.evidence)["findings"][:2]
    data = read_evidence(json.loads(proposal.evidence)).subjects[0].slider
    now, then = data["groups"][data["current"]], data["groups"][data["proposed"]]
    assert (now["threshold"], then["threshold"]) == (first["current"], first["recommended"])
    assert now["with"].endswith(f" {threshold(second['current'])}")
    assert then["with"].endswith(f" {threshold(second['recommended'])}")
    for place, name in [(now, "at_current"), (then, "at_recommended")]:
        assert (place["allowed"], place["coverage"]) == (first[name]["allowed"], first[name]["coverage"])
        assert place["failures"][0] == first[name]["failure_rate"]
    assert (then["more"], then["fewer"]) == (first["change"]["block_to_allow"], first["change"]["allow_to_block"])
    shown = words(signed_in(viewer_of(workspace)).get(page(proposal)))
    assert f"Proposed {threshold(first['recommended'])}, {threshold(second['recommended'])}" in shown
    assert f"allow {percent(then['coverage'])} " in shown


def a_band(workspace):
    """Wrong where it is most certain: a ceiling is certified."""
    rates = {0.99: (90, 60), 0.98: (30, 20), 0.95: (200, 0), 0.9: (399, 1), 0.8: (297, 3), 0.5: (60, 40)}
    history(workspace, rates)
    review(workspace=workspace, policy_keys=["confidence_gate"], looks_for_band=True, **DAY)
    return workspace.proposals.get()


def a_pair(workspace):
    """Wrong where the risk is high: a lower risk threshold is certified beside the confidence threshold."""
    decisions, outcomes = [], []
    for minute in range(1200):
        risk = (minute % 60) / 100
        decisions.append(
            gated(
                workspace,
                confidence=0.7 + (minute % 30) / 100,
                minute=minute,
                threshold=0.6,
                policy_key="decision_gate",
                ml_risk_score=risk,
                thresholds={"llm_confidence_threshold": 0.6, "ml_risk_threshold": 0.7},
            )
        )
        outcomes.append(outcome(decisions[-1], minute % (200 if risk < 0.3 else 4) != 0))
    store(decisions, outcomes)
    review(workspace=workspace, policy_keys=["decision_gate"], **DAY)
    return workspace.proposals.get()


def test_explorer__below_the_threshold_that_was_in_force__the_failure_rate_is_not_known(found):
    _, proposal = found
    evidence = json.loads(proposal.evidence)
    evidence["findings"][0]["cohort"]["threshold_in_force"] = 0.9
    groups = read_evidence(evidence).subjects[0].slider["groups"]
    assert {group["threshold"] for group in groups if group["failures"] is None} == {0.6, 0.8}


def test_proposal__evidence_of_another_kind__page_shows_it_raw_with_its_hash():
    workspace = WorkspaceFactory()
    proposal = pending(workspace, evidence={"n": 1000})
    shown = words(signed_in(viewer_of(workspace)).get(page(proposal)))
    assert "Lower the threshold" in shown
    assert proposal.evidence_sha256 in shown
    assert "Try any threshold" not in shown


def test_proposal__policy_is_not_registered_any_more__page_shows_the_evidence_raw(found):
    _, proposal = found
    evidence = json.loads(proposal.evidence)
    evidence["findings"][0]["policy_key"] = "gone"
    assert read_evidence(evidence) is None


def test_proposal__buttons__of_those_who_may_and_reasons_for_those_who_may_not(found):
    _, proposal = found
    approve = reverse("admin:governance_confidencepolicyproposal_approve", args=[proposal.pk])
    may = signed_in(admin_of(proposal.workspace)).get(page(proposal)).content.decode()
    assert f'href="{approve}"' in may
    may_not = signed_in(viewer_of(proposal.workspace)).get(page(proposal))
    assert f'href="{approve}"' not in may_not.content.decode()
    assert "Approve is not yours to do." in words(may_not)


def test_confirmation__approve__repeats_the_change(found):
    _, proposal = found
    shown = words(signed_in(admin_of(proposal.workspace)).get(page(proposal, "approve")))
    assert "With 95 % confidence" in shown
    assert "What would change" in shown


def test_run__page__shows_each_segment_and_links_its_proposal(found):
    run, proposal = found
    response = signed_in(viewer_of(run.workspace)).get(
        reverse("admin:calibration_confidencecalibrationrun_change", args=[run.pk])
    )
    shown = words(response)
    assert "acme · honest" in shown
    assert "acme · braggart" in shown
    assert page(proposal) in response.content.decode()


def test_proposal__hostile_segment_name__is_text_wherever_it_stands(found):
    run, proposal = found
    evidence = json.loads(proposal.evidence)
    evidence["findings"][0]["segment"]["model"] = "</script><b>"
    hostile = pending(run.workspace, origin="person", evidence=evidence, author=admin_of(run.workspace))
    assert "</script><b>" not in signed_in(viewer_of(run.workspace)).get(page(hostile)).content.decode()


def test_policy__page__shows_values_revisions_and_the_difference_of_any_two():
    workspace = WorkspaceFactory()
    for value in (0.8, 0.7):
        applied(workspace, value)
    policy = ConfidencePolicy.objects.get()
    client = signed_in(viewer_of(workspace))
    shown = words(client.get(page(policy)))
    assert "Version 2" in shown
    assert "Version 0" in shown
    assert "everything else: 0.8 0.7" in shown.replace("→ ", "")
    chosen = words(client.get(page(policy), {"from": "0", "to": "2"}))
    assert "everything else 0.9 0.7" in chosen
    nonsense = client.get(page(policy), {"from": "x", "to": "99"})
    assert nonsense.status_code == 200


def budgets_proposed(workspace):
    """A run over bundles of which none needs more than 900 tokens, and the proposal that it opens."""
    AIInteraction.objects.bulk_create(
        AIInteraction(
            workspace=workspace,
            created_at=START + timedelta(minutes=place),
            metadata={"leadContextBundle": {"totalTokens": 900, "tokenBudget": 4000, "truncated": False}},
        )
        for place in range(100)
    )
    AIInteraction.objects.update(received_at=F("created_at"))
    run = review(workspace=workspace, policy_keys=["lead_context_bundle"], **DAY)
    return run, ConfidencePolicyProposal.objects.get(workspace=workspace, origin="calibration")


def test_budget__proposal__says_what_is_cut_and_offers_no_replay_of_decisions():
    run, proposal = budgets_proposed(WorkspaceFactory())
    shown = words(signed_in(viewer_of(run.workspace)).get(page(proposal)))
    assert "Lowering “tokens of the whole bundle” from 4,000 to 900 would leave 100 % of 100 bundles whole" in shown
    assert "With 98.3 % confidence at most 5 % of bundles need more." in shown
    assert "4,000 900 everything else" in shown
    assert "segments" not in proposal.title
    assert "Backtest" not in shown


def test_budget__run__page_and_text_show_it_without_an_interval():
    run, _ = budgets_proposed(WorkspaceFactory())
    path = reverse("admin:calibration_confidencecalibrationrun_change", args=[run.pk])
    shown = words(signed_in(viewer_of(run.workspace)).get(path))
    assert "Tokens of the whole bundle Proposed 4,000 900 100" in shown
    assert "0.00%" in run_as_text(run)
    assert "Lead context budgets" in words(signed_in(viewer_of(run.workspace)).get(reverse("admin:index")))


def test_segment__what_the_host_did_not_say__is_left_out():
    assert segment({"confidence_kind": "unspecified", "model": "m", "provider": "p"}) == "p · m"
    assert segment({"confidence_kind": "classifier", "model": "", "provider": "p"}) == "p · classifier"
    assert segment({"confidence_kind": "unspecified"}) == segment({}) == "every decision"
    blank = {"provider": "", "model": "", "confidence_kind": "unspecified"}
    assert segment(blank) == "no provider or model named"


def test_segment__digests__are_shortened_and_the_number_of_options_is_said():
    named = {
        "confidence_kind": "choice_probability",
        "task": "route",
        "options": "5:" + "ab" * 16,
        "prompt_hash": "c" * 64,
    }
    assert segment(named) == "choice_probability · 5 options (abababab) · wording cccccccc · route"
    assert segment({"options": "3"}) == "3 options"


def test_proposal__steps__name_who_took_them_and_who_takes_the_next():
    workspace = WorkspaceFactory()
    proposal = pending(workspace)
    viewer = signed_in(viewer_of(workspace))
    assert "To be approved by a workspace admin who did not write it" in words(viewer.get(page(proposal)))
    approver = admin_of(workspace)
    approve_confidence_policy_proposal(actor=approver, workspace=workspace, proposal_id=proposal.pk)
    shown = words(viewer.get(page(proposal)))
    assert f"Approved {approver.username}," in shown
    assert "To be applied by a superuser; until then nothing changes" in shown


def test_proposal__page__says_what_its_words_mean_by_keyboard_and_mouse(found):
    _, proposal = found
    shown = signed_in(viewer_of(proposal.workspace)).get(page(proposal)).content.decode()
    targets = re.findall(r'<button type="button" class="term" popovertarget="([^"]+)" title="[^"]+">', shown)
    assert len(targets) == len(set(targets)) >= 6
    assert all(f'<span id="{target}" class="glossary" popover>' in shown for target in targets)
