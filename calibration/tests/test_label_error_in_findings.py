"""Where people's answers about known cases tell how often they err, a certificate of labels speaks of the truth."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from django.utils import timezone
from scipy.stats import binomtest

from calibration.tests.factories import WINDOW, gated, history, review, store
from confidence_project.foundation.formatting import percent
from governance.models import Workspace
from governance.tests.factories import WorkspaceFactory, admin_of
from ledger.labelling.figures import known_answers
from ledger.labelling.rules import mark_known, set_labelling_rules, withdraw_known
from ledger.models import Judgement, KnownCase

pytestmark = pytest.mark.django_db

KEY = "confidence_gate"
DELTA = 0.05


@pytest.fixture
def workspace() -> Workspace:
    workspace = WorkspaceFactory()
    history(workspace, {0.95: (985, 15), 0.92: (960, 40)})
    return workspace


def answered(workspace: Workspace, answers: list[tuple[bool, str]], purpose: str = "known") -> None:
    """Answers about known cases, each by its truth and what was answered."""
    admin = admin_of(workspace)
    cases = [gated(workspace, confidence=0.5, minute=40_000 + place) for place in range(len(answers))]
    store(cases)
    for case, (truth, answer) in zip(cases, answers, strict=True):
        with mock.patch("django.utils.timezone.now", return_value=WINDOW["window_from"]):
            mark_known(actor=admin, decision=case, success=truth, reason="Settled.")
        Judgement.objects.create(
            workspace=workspace, decision=case, policy_key=KEY, purpose=purpose, answer=answer, is_blind=True,
            person_name="Ada", at=WINDOW["window_from"],
        )  # fmt: skip


def policy(workspace: Workspace) -> Any:
    return review(workspace=workspace, policy_keys=[KEY], **WINDOW)


def test_labels__of_reviewers_who_miss_failures__are_tested_at_a_lower_rate(workspace: Workspace) -> None:
    before = policy(workspace).output["policies"][0]
    answered(workspace, [(False, "wrong")] * 55 + [(False, "right")] * 5 + [(True, "right")] * 30)
    found = policy(workspace).output["policies"][0]
    upper = binomtest(5, 60, alternative="less").proportion_ci(1 - DELTA * 0.05).high
    assert found["label_error"]["missed"] == pytest.approx(upper)
    (finding,) = found["findings"]
    assert finding["answer"]["alpha"] == pytest.approx(0.05 * (1 - upper))
    assert finding["answer"]["delta"] == pytest.approx(0.9 * DELTA)
    assert before["findings"][0]["answer"]["alpha"] == 0.05
    assert before["inputs_sha256"] != found["inputs_sha256"]
    assert "Reviewers missed 5 of 60 known failures" in finding["statement"]
    assert "so at most 5 % fail in truth" in finding["statement"]


def test_labels__few_known_cases__the_refusal_says_at_which_rate_they_were_tested(workspace: Workspace) -> None:
    answered(workspace, [(False, "wrong")] * 3)
    (finding,) = policy(workspace).output["policies"][0]["findings"]
    upper = binomtest(0, 3, alternative="less").proportion_ci(1 - DELTA * 0.05).high
    assert finding["recommended"] is None
    assert f"Labels are tested at {percent(0.05 * (1 - upper))} in place of 5 %" in finding["explanation"]
    assert "more known cases" in finding["explanation"]


def test_labels__known_case_withdrawn_after_the_date__counts_as_it_did(workspace: Workspace) -> None:
    answered(workspace, [(False, "right")] * 5 + [(False, "wrong")] * 95)
    known = known_answers(workspace, KEY, timezone.now())
    assert known == {(False, "right"): 5, (False, "wrong"): 95}
    then = timezone.now()
    for case in KnownCase.objects.filter(decision__judgements__answer="right"):
        withdraw_known(actor=admin_of(workspace), case=case, reason="They made us look bad.")
    assert known_answers(workspace, KEY, then) == known
    assert known_answers(workspace, KEY, timezone.now()) == {(False, "wrong"): 95}


def test_labels__of_reviewers_who_accuse_successes__are_tested_at_a_higher_rate(workspace: Workspace) -> None:
    answered(workspace, [(False, "wrong")] * 200 + [(True, "right")] * 150 + [(True, "cannot_tell")] * 50)
    (finding,) = policy(workspace).output["policies"][0]["findings"]
    # Who cannot tell leaves a decision without a label, which counts as a failure.
    lower = binomtest(50, 200, alternative="greater").proportion_ci(1 - DELTA * 0.05).low
    missed = binomtest(0, 200, alternative="less").proportion_ci(1 - DELTA * 0.05).high
    assert finding["answer"]["alpha"] == pytest.approx(0.05 * (1 - missed) + 0.95 * lower)


def test_labels__nobody_answered_about_a_known_failure__says_that_they_are_taken_as_right(
    workspace: Workspace,
) -> None:
    answered(workspace, [(True, "right")] * 3)
    found = policy(workspace).output["policies"][0]
    assert found["label_error"] is None
    assert "is taken as right" in found["findings"][0]["explanation"]
    assert found["findings"][0]["answer"]["alpha"] == 0.05


def test_labels__of_events_alone__say_nothing_of_reviewers(workspace: Workspace) -> None:
    found = policy(workspace).output["policies"][0]
    assert "taken as right" not in found["findings"][0]["explanation"]
    assert found["label_error"] is None


def test_labels__each_failure_confirmed__known_cases_go_the_same_way(workspace: Workspace) -> None:
    admin = admin_of(workspace)
    with mock.patch("django.utils.timezone.now", return_value=WINDOW["window_from"]):
        set_labelling_rules(actor=admin, workspace=workspace, policy_key=KEY, reason="Sure.", confirms_wrong=True)
    asked = [
        *[(False, ["wrong", "wrong"])] * 50,
        (False, ["right"]),
        (False, ["wrong", "right", "right"]),
        # What waits for a third counts as missed; what waits for a second, as nothing.
        (False, ["wrong", "right"]),
        (False, ["wrong"]),
        # Two labels of one case, by five people.
        (False, ["right", "wrong", "right", "wrong", "wrong"]),
        *[(True, ["right"])] * 40,
        (True, ["wrong", "wrong"]),
        (True, ["wrong", "right"]),
        (True, ["wrong", "cannot_tell"]),
    ]
    cases = [gated(workspace, confidence=0.5, minute=40_000 + place) for place in range(len(asked))]
    store(cases)
    for case, (truth, answers) in zip(cases, asked, strict=True):
        with mock.patch("django.utils.timezone.now", return_value=WINDOW["window_from"]):
            mark_known(actor=admin, decision=case, success=truth, reason="Settled.")
        for place, answer in enumerate(answers):
            Judgement.objects.create(
                workspace=workspace, decision=case, policy_key=KEY, purpose="known", answer=answer, is_blind=True,
                person_name=f"person {place}", at=WINDOW["window_from"],
            )  # fmt: skip
    (found,) = policy(workspace).output["policies"]
    assert found["label_error"]["answers"] == {
        "failures": 55, "missed": 4, "successes": 43, "accused": 2, "are_confirmed": True,
    }  # fmt: skip
    (finding,) = found["findings"]
    assert "each failure confirmed by a second one, missed 4 of 55 known failures" in finding["explanation"]
