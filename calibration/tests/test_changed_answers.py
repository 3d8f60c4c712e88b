"""A model that answers otherwise than when it was certified is told of without a label, and by chance hardly ever."""

from __future__ import annotations

import json
from datetime import UTC, timedelta
from io import StringIO
from itertools import cycle, islice

import numpy as np
import pytest
import scipy
from django.core.management import call_command
from django.utils import timezone
from freezegun import freeze_time

from calibration.models import AnswersAlarm
from calibration.selectors import changed_answers
from calibration.statistics.answers import FEWEST, answers_change
from calibration.tests.factories import START, WINDOW, decision, store
from confidence_project.foundation.append_only import AppendOnlyViolation
from governance.models import WebhookDelivery, WebhookEndpoint
from governance.tests.browser import signed_in, words
from governance.tests.factories import WorkspaceFactory, applied, viewer_of

CERTIFIED = {"provider": "acme", "model": "jev-latest", "task": "refund", "confidence_kind": "predicate_yes"}
EVIDENCE = {
    "parameters": {
        "target_failure_rate": 0.05,
        "risk_confidence": 0.95,
        "maturity_days": 7,
        **{name: WINDOW[name].isoformat() for name in ("window_from", "window_to")},
    },
    "findings": [{"reason": "OK", "is_proposable": True, "segment": CERTIFIED}],
}
USUAL = (0.97, 0.95, 0.91, 0.83, 0.65)
OTHERWISE = (0.97, 0.75, 0.62, 0.55, 0.31)


def answers(workspace, confidences, number, start, **fields):
    """So many answers, a minute apart; None stands for one without a confidence."""
    rows = [
        decision(
            workspace,
            confidence=confidence,
            **{
                **CERTIFIED,
                "occurred_at": start + timedelta(minutes=place),
                "timestamp": start + timedelta(minutes=place),
                **({"confidence_kind": "unspecified", "gate_reason": "llm_refusal"} if confidence is None else {}),
                **fields,
            },
        )
        for place, confidence in enumerate(islice(cycle(confidences), number))
    ]
    store(rows)


@pytest.fixture
def revision(db):
    workspace = WorkspaceFactory()
    answers(workspace, USUAL, 500, START)
    return applied(workspace, 0.8, evidence=EVIDENCE)


def yesterday(revision, days=1):
    return revision.created_at.astimezone(UTC).replace(hour=0, minute=0) + timedelta(days=days)


def watch(days):
    with freeze_time(timezone.now() + timedelta(days=days)):
        out = StringIO()
        call_command("watch_policies", stdout=out)
        return out.getvalue()


def test_answers__as_before__no_alarm(revision):
    answers(revision.workspace, USUAL, 200, yesterday(revision))
    assert "CHANGED" not in watch(2)
    assert not AnswersAlarm.objects.exists()


def test_answers__otherwise__alarm_says_since_when_and_that_the_model_is_an_alias(revision):
    answers(revision.workspace, OTHERWISE, 200, yesterday(revision))
    said = watch(2)
    alarm = AnswersAlarm.objects.get()
    assert alarm.since == alarm.until == yesterday(revision).date()
    assert (alarm.answers_before, alarm.answers_after, json.loads(alarm.segment)) == (500, 200, CERTIFIED)
    assert f"since {alarm.since:%A, %Y-%m-%d}" in said
    assert "jev-latest is an alias" in said
    assert "speaks of what was before" in said
    assert "CHANGED" not in watch(2), "once for a version and a segment"
    answers(revision.workspace, OTHERWISE, 200, yesterday(revision, 2))
    watch(3)
    assert AnswersAlarm.objects.count() == 1


def test_refusals__more_of_them__alarm(revision):
    answers(revision.workspace, (*USUAL, None), 240, yesterday(revision))
    assert "without a usable answer 16.7%, 0.0% before" in watch(2)
    alarm = AnswersAlarm.objects.get()
    assert (alarm.unanswered_before, alarm.unanswered_after) == (0, 40)


def test_answers__to_another_question_or_of_another_model__count_for_nothing(revision):
    for field, value in [("task", "team"), ("model", "jev-2"), ("provider", "other"), ("confidence_kind", "verbal")]:
        answers(revision.workspace, OTHERWISE, 200, yesterday(revision), **{field: value})
    answers(WorkspaceFactory(), OTHERWISE, 200, yesterday(revision))
    answers(revision.workspace, OTHERWISE, 200, yesterday(revision), policy_key="decision_gate")
    assert "CHANGED" not in watch(2)


def test_days__too_few_answers__are_put_together_up_to_a_week(revision):
    for day in (1, 2, 3):
        answers(revision.workspace, OTHERWISE, FEWEST // 3 + 1, yesterday(revision, day))
    assert "CHANGED" not in watch(3), "68 answers are too few"
    assert "CHANGED" in watch(4)
    assert AnswersAlarm.objects.get().since == yesterday(revision, 1).date()


def test_weekend__like_the_weekends_of_the_window__is_no_change(revision):
    workspace = revision.workspace
    recent = next(day for day in (yesterday(revision, n) for n in range(1, 8)) if day.isoweekday() == 6)
    days = (recent.date() - yesterday(revision).date()).days + 2
    answers(workspace, OTHERWISE, 200, recent)
    for week in (2, 9):  # Saturdays of the window
        answers(workspace, OTHERWISE, 60, START + timedelta(days=week))
    assert "CHANGED" not in watch(days)


def test_cases__count_once(revision):
    answers(revision.workspace, OTHERWISE, 200, yesterday(revision), case_key="ticket-1")
    assert "CHANGED" not in watch(2)


def test_today__is_not_over_and_is_not_looked_at(revision):
    answers(revision.workspace, OTHERWISE, 200, yesterday(revision, 2))
    assert "CHANGED" not in watch(2)


def test_evidence_without_a_window__is_not_compared(db):
    workspace = WorkspaceFactory()
    answers(workspace, USUAL, 500, START)
    parameters = {name: value for name, value in EVIDENCE["parameters"].items() if not name.startswith("window")}
    revision = applied(workspace, 0.8, evidence={**EVIDENCE, "parameters": parameters})
    answers(workspace, OTHERWISE, 200, yesterday(revision))
    assert "CHANGED" not in watch(2)


def test_alarm__is_on_every_page_and_told_to_endpoints__until_another_version_is_in_force(revision):
    workspace = revision.workspace
    endpoint = WebhookEndpoint.objects.create(
        workspace=workspace, url="https://hooks.example.org/", secret="whsec_", events=["policy.answers_changed"],
        created_at=START,
    )  # fmt: skip
    answers(workspace, OTHERWISE, 200, yesterday(revision))
    watch(2)
    viewer = viewer_of(workspace)
    assert "its certificate speaks of what was before" in words(signed_in(viewer).get("/admin/definitions/"))
    assert "the certificate of version 1 speaks of what was before" in words(signed_in(viewer).get("/admin/"))
    alarm = AnswersAlarm.objects.get()
    assert "PSI" in words(signed_in(viewer).get(f"/admin/calibration/answersalarm/{alarm.pk}/change/"))
    assert "is an alias" in words(signed_in(viewer).get("/admin/calibration/answersalarm/"))
    told = json.loads(WebhookDelivery.objects.get(endpoint=endpoint).payload)
    assert (told["type"], told["data"]["segment"]["task"]) == ("policy.answers_changed", "refund")
    assert told["data"]["psi"] > 0.2
    assert not changed_answers(viewer_of(WorkspaceFactory())).exists()
    with pytest.raises(AppendOnlyViolation):
        alarm.save()
    applied(workspace, 0.9)
    assert not changed_answers(viewer).exists()


def exact(before, after):
    """The p-value over two cells, each draw weighed by the hypergeometric distribution."""
    whole, marked, drawn = sum(before) + sum(after), before[1] + after[1], sum(after)

    def psi(marked_after):
        old = np.array([sum(before) - marked + marked_after, marked - marked_after]) + 0.5
        new = np.array([drawn - marked_after, marked_after]) + 0.5
        p, q = old / old.sum(), new / new.sum()
        return float(((p - q) * np.log(p / q)).sum())

    seen = psi(after[1])
    support = range(max(0, drawn - (whole - marked)), min(marked, drawn) + 1)
    p_value = sum(scipy.stats.hypergeom(whole, marked, drawn).pmf(k) for k in support if psi(k) >= seen - 1e-12)
    return seen, p_value


@pytest.mark.parametrize("before, after", [((100, 4), (88, 12)), ((95, 5), (92, 15)), ((120, 2), (101, 9))])
def test_statistic__of_two_cells__agrees_with_the_hypergeometric_distribution(before, after, monkeypatch):
    monkeypatch.setattr("calibration.statistics.answers.NOTABLE_PSI", 0.0)
    change = answers_change(before, after)
    psi, p_value = exact(before, after)
    assert change.psi == pytest.approx(psi)
    assert change.p_value == pytest.approx(p_value, abs=4 * (p_value / 2_000) ** 0.5 + 1 / 2_000)


def test_statistic__too_few_answers_or_a_change_that_is_too_small__is_none():
    assert answers_change([99, 0], [500, 500]) is None
    assert answers_change([500, 500], [99, 0]) is None
    certain_and_small = answers_change([50_000, 50_000], [60_000, 40_000])
    assert (certain_and_small.changed, certain_and_small.p_value) == (False, 1.0)
    assert answers_change([500, 500], [90, 10]).changed
