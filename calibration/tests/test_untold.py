"""What nobody could tell counts as a failure, unless the labelling rules leave it out and the certificate says so."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest
from django.urls import reverse

from calibration.tests.factories import START, WINDOW, gated, outcome, review, store
from calibration.watching import count_allowed
from confidence_project.foundation.errors import InvalidInput
from governance.controls.services import set_audit_sampling
from governance.models import AuditSampling, ConfidencePolicyRevision, Workspace
from governance.sampling_rates import SamplingRates, SamplingRule
from governance.tests.browser import signed_in, words
from governance.tests.factories import WorkspaceFactory, admin_of, applied
from ledger.counts.services import keep_counts
from ledger.labelling.rules import mark_known, set_labelling_rules
from ledger.models import DecisionOutcome, DecisionRecord, Judgement, JudgeVerdict, LabellingRules
from ledger.tests.committed import until_all_is_seen

KEY = "confidence_gate"
pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory()


def rules(workspace: Workspace, **terms: Any) -> LabellingRules:
    """Rules as if from before the window, under which people label what is drawn."""
    made = set_labelling_rules(
        actor=admin_of(workspace), workspace=workspace, policy_key=KEY, reason="No events.",
        **{"label_source": "drawn", **terms},
    )  # fmt: skip
    LabellingRules.objects.filter(pk=made.pk).update(started_at=START - timedelta(days=1))
    return made


def drawn(workspace: Workspace, *, right: int, wrong: int, untold: int, **fields: Any) -> list[DecisionRecord]:
    """Decisions that were all drawn, and what people answered; returned are those of which nobody could tell."""
    made = [
        gated(workspace, confidence=0.95, minute=place, audit_selected=True, label_propensity="0.5", **fields)
        for place in range(right + wrong + untold)
    ]
    labelled = made[: right + wrong]
    human = DecisionOutcome.Source.HUMAN_REVIEW
    store(made, [outcome(each, place < right, source=human) for place, each in enumerate(labelled)])
    for each in made[right + wrong :]:
        answer(each, Judgement.Answer.CANNOT_TELL)
    return made[right + wrong :]


def answer(decision: DecisionRecord, given: str, **fields: Any) -> Judgement:
    return Judgement.objects.create(
        workspace=decision.workspace, decision=decision, policy_key=KEY, answer=given, is_blind=True,
        **{"person_name": "Ada", "at": WINDOW["window_from"], "purpose": "label", **fields},
    )  # fmt: skip


def all_alike(workspace: Workspace, at: datetime) -> None:
    """One rate for both sides, as if from a moment on."""
    rates = SamplingRates(Decimal("0.5"), (SamplingRule(rate=Decimal("0.5"), side="allowed"),))
    set_audit_sampling(actor=admin_of(workspace), workspace=workspace, policy_key=KEY, rates=rates, reason="To learn.")
    AuditSampling.objects.in_force().update(started_at=at)


def under(revision: ConfidencePolicyRevision, at: datetime) -> dict[str, Any]:
    return {"occurred_at": at, "timestamp": at, "policy_version": revision.version, "threshold": 0.8}


def policy_of(workspace: Workspace) -> dict[str, Any]:
    policy: dict[str, Any] = review(workspace=workspace, policy_keys=[KEY], **WINDOW).output["policies"][0]
    return policy


def test_untold__unless_rules_say_otherwise__counts_as_a_failure(workspace: Workspace) -> None:
    rules(workspace)
    drawn(workspace, right=290, wrong=0, untold=10)
    (finding,) = policy_of(workspace)["findings"]
    assert (finding["labelled"], finding["successes"], finding["left_out"]["untold"]) == (300, 290, 0)
    assert "people can tell" not in (finding["statement"] or "")


def test_untold__left_out__is_counted_apart_and_the_certificate_says_of_what_it_speaks(workspace: Workspace) -> None:
    rules(workspace, leaves_out_untold=True)
    drawn(workspace, right=290, wrong=0, untold=10)
    (finding,) = policy_of(workspace)["findings"]
    assert (finding["decisions"], finding["labelled"], finding["successes"]) == (290, 290, 290)
    assert finding["left_out"]["untold"] == 10
    assert finding["recommended"] == 0.9
    assert "of which people can tell: beside 290 labels 10 drawn decisions" in finding["statement"]


def test_untold__with_a_label_or_taken_back__is_no_longer_left_out(workspace: Workspace) -> None:
    rules(workspace, leaves_out_untold=True)
    told, undone, _ = drawn(workspace, right=97, wrong=0, untold=3)
    store([], [outcome(told, True, source=DecisionOutcome.Source.HUMAN_REVIEW)])
    answer(undone, Judgement.Answer.UNDONE, undoes=undone.judgements.get())
    (finding,) = policy_of(workspace)["findings"]
    assert (finding["labelled"], finding["successes"], finding["left_out"]["untold"]) == (99, 98, 1)


def test_untold__first_of_its_case__leaves_the_case_out(workspace: Workspace) -> None:
    rules(workspace, leaves_out_untold=True)
    drawn(workspace, right=99, wrong=0, untold=0)
    (first,) = drawn(workspace, right=0, wrong=0, untold=1, case_key="c")
    later = gated(workspace, confidence=0.95, minute=99, audit_selected=True, label_propensity="0.5", case_key="c")
    store([later], [outcome(later, False, source=DecisionOutcome.Source.HUMAN_REVIEW)])
    (finding,) = policy_of(workspace)["findings"]
    assert first.occurred_at < later.occurred_at
    assert (finding["decisions"], finding["labelled"], finding["successes"]) == (99, 99, 99)
    assert finding["left_out"]["untold"] == 1


@pytest.mark.django_db(transaction=True)
def test_untold__in_days_that_are_counted__gives_the_same_evidence(workspace: Workspace) -> None:
    rules(workspace, leaves_out_untold=True)
    drawn(workspace, right=90, wrong=2, untold=3)
    drawn(workspace, right=4, wrong=1, untold=2, case_key="c")
    alone = policy_of(workspace)
    until_all_is_seen()
    keep_counts()
    counted = policy_of(workspace)
    assert counted["days"]["counted"]
    assert counted["inputs_sha256"] == alone["inputs_sha256"]


def test_known_cases_that_nobody_could_tell__left_out__accuse_nobody(workspace: Workspace) -> None:
    rules(workspace, leaves_out_untold=True)
    drawn(workspace, right=90, wrong=2, untold=3)
    for place, (truth, given) in enumerate([(False, "wrong")] * 3 + [(True, "cannot_tell")] * 2):
        case = gated(workspace, confidence=0.5, minute=40_000 + place)
        store([case])
        with mock.patch("django.utils.timezone.now", return_value=WINDOW["window_from"]):
            mark_known(actor=admin_of(workspace), decision=case, success=truth, reason="Settled.")
        answer(case, given, purpose="known")
    error = policy_of(workspace)["label_error"]
    assert (error["answers"]["failures"], error["answers"]["successes"]) == (3, 0)


@pytest.mark.parametrize(("leaves_out", "counted"), [(False, (9, 3)), (True, (7, 1))])
def test_alarm__untold__fails_unless_left_out(workspace: Workspace, leaves_out: bool, counted: tuple[int, int]) -> None:
    evidence = {"parameters": {"target_failure_rate": 0.05, "risk_confidence": 0.95, "maturity_days": 0.0}}
    revision = applied(workspace, 0.8, evidence=evidence)
    at, day = revision.created_at, timedelta(days=1)
    rates = SamplingRates(Decimal("0.5"), (SamplingRule(rate=Decimal("0.5"), side="allowed"),))
    set_audit_sampling(actor=admin_of(workspace), workspace=workspace, policy_key=KEY, rates=rates, reason="To learn.")
    AuditSampling.objects.in_force().update(started_at=at)
    times = {"occurred_at": at, "timestamp": at, "policy_version": revision.version, "threshold": 0.8}
    drawn(workspace, right=6, wrong=1, untold=2, **times)
    rules(workspace, leaves_out_untold=leaves_out)
    ((_, *found),) = count_allowed(revision, {}, since=at - day, until=at + day, labels_as_of=at + day)
    assert tuple(found) == counted


def test_alarm__somebody_cannot_tell_after_the_date__counts_as_it_did(workspace: Workspace) -> None:
    evidence = {"parameters": {"target_failure_rate": 0.05, "risk_confidence": 0.95, "maturity_days": 0.0}}
    revision = applied(workspace, 0.8, evidence=evidence)
    at, day = revision.created_at, timedelta(days=1)
    all_alike(workspace, at)
    rules(workspace, leaves_out_untold=True)
    (decision,) = drawn(workspace, right=0, wrong=0, untold=1, **under(revision, at))

    def counted(as_of: datetime) -> list[tuple[date, int, int]]:
        return count_allowed(revision, {}, since=at - day, until=at + day, labels_as_of=as_of)

    said_at = decision.judgements.get().at
    assert [(labelled, failures) for _, labelled, failures in counted(said_at - day)] == [(1, 1)]
    assert counted(said_at) == []


def test_judge__said_something_before_the_rules_left_out__is_not_read(workspace: Workspace) -> None:
    rules(workspace, leaves_out_untold=True)
    (spared,) = drawn(workspace, right=0, wrong=0, untold=1)
    drawn(workspace, right=99, wrong=0, untold=0)
    JudgeVerdict.objects.create(
        workspace=workspace, decision=spared, success=True, lot=9_000, share="0.5", is_spared=True,
        recorded_at=WINDOW["window_from"], reporter="judge", external_id="j", body_sha256="0" * 64,
    )  # fmt: skip
    (finding,) = policy_of(workspace)["findings"]
    assert finding["method"] == "draws"
    assert (finding["labelled"], finding["left_out"]["untold"]) == (99, 1)


def test_untold__beside_a_judge__is_refused(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput, match="judged_share: what a judge spares"):
        rules(workspace, leaves_out_untold=True, judged_share="0.5")


def test_rules__set_in_the_desk__say_what_becomes_of_the_untold(workspace: Workspace) -> None:
    admin = admin_of(workspace)
    browser = signed_in(admin)
    data = {
        "workspace": workspace.pk, "policy_key": KEY, "is_blind": "on", "due_days": 7, "twice_share": 0,
        "known_share": 0, "leaves_out_untold": "on", "label_source": "drawn", "reason": "Nobody has the tape.",
    }  # fmt: skip
    assert browser.post(reverse("admin:ledger_labellingrules_add"), data, follow=True).status_code == 200
    assert LabellingRules.objects.get().leaves_out_untold
    assert "what nobody can tell is left out" in words(browser.get(reverse("admin:ledger_labellingrules_add")))
