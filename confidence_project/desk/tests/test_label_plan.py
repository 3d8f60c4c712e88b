"""The page "Plan labels": a plan to read, its rates to set, and to whom."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.urls import reverse
from django.utils import timezone

from calibration.tests.factories import gated, outcome, store
from governance.controls.services import set_audit_sampling
from governance.models import AuditSampling, Workspace
from governance.sampling_rates import SamplingRates, SamplingRule
from governance.tests.browser import signed_in, words
from governance.tests.factories import WorkspaceFactory, admin_of, reviewer_of, viewer_of

pytestmark = pytest.mark.django_db

PAGE = reverse("admin:label_plan")
ASKED = "&policy_key=confidence_gate&target=certify&cost=2&budget=200&weeks=8&target_failure_rate=0.1"


@pytest.fixture
def workspace() -> Workspace:
    workspace = WorkspaceFactory(slug="post")
    start = timezone.now() - timedelta(days=25)
    made = [
        gated(
            workspace,
            confidence=confidence,
            timestamp=start + timedelta(hours=place),
            occurred_at=start + timedelta(hours=place),
        )
        for confidence in (0.97, 0.92)
        for place in range(200)
    ]
    labelled = [*made[:40], *made[200:240]]
    store(made, [outcome(each, place % 40 >= (0 if place < 40 else 8)) for place, each in enumerate(labelled)])
    return workspace


def hidden(page, name: str) -> str:
    (value,) = re.findall(rf'name="{name}"[^>]* value="([^"]*)"', page.content.decode())
    return unescape(value)


def test_page__before_anything_is_asked__is_a_form(workspace):
    said = words(signed_in(admin_of(workspace)).get(f"{PAGE}?workspace=post"))
    assert "A plan changes nothing." in said
    assert "Budget of a week" in said
    assert "The plan" not in said


def test_page__asked__says_the_plan_and_sets_its_rates(workspace):
    admin = admin_of(workspace)
    other = SamplingRule(rate=Decimal("0.1"), match=(("model", "m2"),))
    rates = SamplingRates(Decimal("0.02"), (other,))
    set_audit_sampling(actor=admin, workspace=workspace, policy_key="confidence_gate", rates=rates, reason="Before.")
    browser = signed_in(admin)
    page = browser.get(f"{PAGE}?workspace=post{ASKED}")
    said = words(page)
    assert "drawn at random" in said
    assert "no part in the certificate" in said
    assert "Labels a week" in said
    sent = {"policy_key": hidden(page, "policy_key"), "rule": hidden(page, "rule"), "reason": "As planned."}
    landed = browser.post(f"{PAGE}?workspace=post{ASKED}", sent, follow=True)
    assert "The rates of the plan are drawn by from now on." in words(landed)
    set_now = AuditSampling.objects.in_workspace(workspace).in_force().get()
    assert set_now.reason == "As planned."
    assert set_now.rates.blocked == Decimal("0.02")
    planned, kept = set_now.rates.rules
    assert kept == other
    assert dict(planned.match)["model"] == "m1"
    assert 0 < planned.rate <= 1


def test_page__without_a_reason__sets_nothing(workspace):
    browser = signed_in(admin_of(workspace))
    page = browser.get(f"{PAGE}?workspace=post{ASKED}")
    sent = {"policy_key": "confidence_gate", "rule": hidden(page, "rule"), "reason": ""}
    assert "This field is required." in words(browser.post(f"{PAGE}?workspace=post{ASKED}", sent))
    assert not AuditSampling.objects.exists()


@pytest.mark.parametrize(
    "rule", ['{"rate": 2}', '"x"', '{"rate": 0.1, "side": "upside"}', '{"rate": 0.1, "from": "a"}']
)
def test_page__rule_that_is_none__sets_nothing_and_repeats_no_value(workspace, rule):
    browser = signed_in(admin_of(workspace))
    sent = {"policy_key": "confidence_gate", "rule": rule, "reason": "Because."}
    said = words(browser.post(f"{PAGE}?workspace=post{ASKED}", sent))
    assert "The rates are not valid" in said
    assert not AuditSampling.objects.exists()


@pytest.mark.parametrize("rule", ['{"rate": 1' + "0" * 5000 + "}", "[" * 100_000], ids=["digits", "depth"])
def test_page__rule_that_python_does_not_read__sets_nothing(workspace, rule):
    browser = signed_in(admin_of(workspace))
    sent = {"policy_key": "confidence_gate", "rule": rule, "reason": "Because."}
    assert browser.post(f"{PAGE}?workspace=post{ASKED}", sent).status_code == 200
    assert not AuditSampling.objects.exists()


def test_page__cost_next_to_nothing__is_said_beside_its_field(workspace):
    browser = signed_in(admin_of(workspace))
    said = words(browser.get(f"{PAGE}?workspace=post{ASKED.replace('cost=2', 'cost=1e-320')}"))
    assert "at most 100,000 labels" in said


def test_page__wrong_question__is_said_beside_its_field(workspace):
    browser = signed_in(admin_of(workspace))
    said = words(browser.get(f"{PAGE}?workspace=post{ASKED.replace('target=certify', 'target=loosen')}"))
    assert "Give the threshold to loosen to" in said
    said = words(browser.get(f"{PAGE}?workspace=post{ASKED.replace('budget=200', 'budget=1')}"))
    assert "The budget of a week pays one label" in said


def test_page__no_traffic__says_so(workspace):
    WorkspaceFactory(slug="quiet")
    admin = admin_of(Workspace.objects.get(slug="quiet"))
    assert "there is no traffic" in words(signed_in(admin).get(f"{PAGE}?workspace=quiet{ASKED}"))


@pytest.mark.parametrize("person_of", [viewer_of, reviewer_of])
def test_page__of_those_who_may_not__plans_and_sets_nothing(workspace, person_of):
    browser = signed_in(person_of(workspace))
    assert "may propose a change" in words(browser.get(f"{PAGE}?workspace=post{ASKED}"))
    sent = {"policy_key": "confidence_gate", "rule": '{"rate": 0.5}', "reason": "Because."}
    browser.post(f"{PAGE}?workspace=post{ASKED}", sent)
    assert not AuditSampling.objects.exists()
    assert "Plan labels" not in words(browser.get(reverse("admin:index")))


def test_page__of_another_workspace__is_not_there(workspace):
    stranger = admin_of(WorkspaceFactory(slug="other"))
    said = words(signed_in(stranger).get(f"{PAGE}?workspace=post{ASKED}"))
    assert "may propose a change" in said
    assert "The plan" not in said
