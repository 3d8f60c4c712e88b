"""A registered candidate: only later decisions count, any number of looks is free, and it opens its own proposal."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from calibration.candidates.looking import look_at_candidate
from calibration.candidates.registering import register_candidate, withdraw_candidate
from calibration.models import Candidate, CandidateEnd, ReviewCalendar
from calibration.statistics.candidates import follow_candidate, thinned
from calibration.tests.factories import gated, outcome, store
from calibration.watching import promise_of
from confidence_project.foundation.errors import Conflict, InvalidInput, NotFound, PermissionRefused, WrongState
from governance.controls.services import set_audit_sampling, stop_audit_sampling
from governance.models import ConfidencePolicyProposal, Workspace
from governance.sampling_rates import SamplingRates
from governance.tests.browser import signed_in, words
from governance.tests.factories import SuperuserFactory, UserFactory, WorkspaceFactory, admin_of, viewer_of
from ledger.models import DecisionRecord

pytestmark = pytest.mark.django_db

KEY = "confidence_gate"
RATE = 0.5
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def workspace() -> Workspace:
    workspace = WorkspaceFactory(slug="acme")
    set_audit_sampling(
        actor=admin_of(workspace),
        workspace=workspace,
        policy_key=KEY,
        rates=SamplingRates(Decimal("0.5")),
        reason="Learn.",
    )
    return workspace


def register(workspace: Workspace, **change: Any) -> Candidate:
    asked = {"actor": None, "workspace": workspace, "policy_key": KEY, "threshold": 0.8, "reason": "Test.", **change}
    return register_candidate(**asked)


def registered(workspace: Workspace, **fields: Any) -> Candidate:
    """A candidate as if it had been registered on the first of January."""
    return Candidate.objects.create(
        **{
            "workspace": workspace, "policy_key": KEY, "threshold": 0.8, "target_failure_rate": 0.05,
            "maturity_days": 7, "propensity": RATE, "number": 0, "level": 0.005, "registered_at": SINCE, **fields,
        }
    )  # fmt: skip


def made(workspace: Workspace, number: int, confidence: float, days: float = 1, **fields: Any) -> list[DecisionRecord]:
    """Unsaved decisions under a threshold of 0.9, so many days after the first of January."""
    at = SINCE + timedelta(days=days)
    fields = {"occurred_at": at, "timestamp": at, **fields}
    return [gated(workspace, confidence=confidence, **fields) for _ in range(number)]


def drawn(workspace: Workspace, number: int, **fields: Any) -> list[DecisionRecord]:
    """Unsaved blocked decisions that were drawn for audit."""
    return made(workspace, number, 0.85, **{"audit_selected": True, "label_propensity": "0.5", **fields})


def labelled(decisions: list[DecisionRecord], failures: int = 0) -> None:
    store(decisions, [outcome(each, place >= failures) for place, each in enumerate(decisions)])


def look(candidate: Candidate) -> tuple[int, int]:
    found = look_at_candidate(candidate).evidence
    return found.labelled, found.failures


def test_candidate__labels__allowed_ones_are_thinned_to_the_propensity_of_the_audits(workspace: Workspace) -> None:
    candidate = registered(workspace)
    allowed = made(workspace, 400, 0.95)
    labelled(allowed, failures=40)
    labelled(drawn(workspace, 30), failures=3)
    # What the lottery did not draw has no label that counts, whoever gave one.
    labelled(made(workspace, 20, 0.85, label_propensity="0.5"), failures=20)
    kept = [thinned(str(each.pk), propensity=1, common=RATE, salt=str(candidate.pk)) for each in allowed]
    assert 150 < sum(kept) < 250
    assert look(candidate) == (sum(kept) + 30, sum(kept[:40]) + 3)
    found = look_at_candidate(candidate).evidence
    again = follow_candidate([found.failures], [found.labelled], alpha=0.05, level=0.005)
    assert found.log_e_values[-1] == pytest.approx(again.log_e_values[-1])


@pytest.mark.parametrize(
    "fields",
    [
        {"days": -1},
        {"timestamp": SINCE + timedelta(days=1), "occurred_at": SINCE - timedelta(hours=1)},
        {"occurred_at": timezone.now() - timedelta(days=6)},
        {"confidence": 0.79},
        {"model": "another"},
        {"policy_key": "followup.auto_book"},
        {"gate_reason": "kill_switch", "gate_verdict": "block"},
    ],
    ids=["before", "made before", "too young", "below", "another segment", "another policy", "another check"],
)
def test_candidate__decision_that_is_none_of_its_own__does_not_count(
    workspace: Workspace, fields: dict[str, Any]
) -> None:
    candidate = registered(workspace, segment={"model": "m1"}, propensity=1.0)
    labelled(made(workspace, 1, **{"confidence": 0.95, **fields}))
    labelled([*made(WorkspaceFactory(), 1, 0.95)])
    assert look(candidate) == (0, 0)
    labelled(made(workspace, 1, 0.95))
    assert look(candidate) == (1, 0)


def test_candidate__drawn_for_people_without_a_label__is_a_failure(workspace: Workspace) -> None:
    store(drawn(workspace, 3))
    assert look(registered(workspace)) == (3, 3)


def test_candidate__of_a_case__its_first_decision(workspace: Workspace) -> None:
    labelled(drawn(workspace, 3, case_key="ticket"), failures=0)
    assert look(registered(workspace)) == (1, 0)


def test_candidate__decisions_that_could_not_be_drawn__it_cannot_pass(workspace: Workspace) -> None:
    candidate = registered(workspace)
    labelled(drawn(workspace, 400))
    assert look_at_candidate(candidate).has_passed
    store(made(workspace, 2, 0.85))
    store(drawn(workspace, 1, label_propensity="0.2"))
    found = look_at_candidate(candidate)
    assert (found.out_of_reach, found.evidence.passed, found.has_passed) == (3, True, False)
    out = StringIO()
    call_command("list_candidates", stdout=out)
    assert "It cannot pass: 3 decisions" in out.getvalue()
    assert not CandidateEnd.objects.exists()


def test_watch__candidate_passes__opens_one_proposal_with_its_promise(workspace: Workspace) -> None:
    candidate = registered(workspace, segment={"model": "m1"})
    labelled(drawn(workspace, 100))
    out = StringIO()
    call_command("watch_policies", stdout=out)
    assert "passes at 200" in out.getvalue()
    assert "more labels will do, some" in out.getvalue()
    assert not ConfidencePolicyProposal.objects.exists()
    labelled(drawn(workspace, 300, days=2))
    for _ in range(2):
        call_command("watch_policies", "--workspace", "acme", stdout=out)
    proposal = ConfidencePolicyProposal.objects.get()
    assert proposal.origin == "candidate"
    assert proposal.config["overrides"] == [{"match": {"model": "m1"}, "values": {"confidence_threshold": 0.8}}]
    assert json.loads(proposal.evidence)["candidate"]["labelled"] == 400
    promise = promise_of(proposal)
    assert promise is not None
    assert (promise.alpha, promise.delta, promise.segments) == (0.05, pytest.approx(0.005), [{"model": "m1"}])
    end = CandidateEnd.objects.get()
    assert (end.candidate, end.passed, end.proposal) == (candidate, True, proposal)


def test_watch__candidate_that_fails_as_often_as_it_may__says_that_it_will_not_pass(workspace: Workspace) -> None:
    registered(workspace)
    labelled(drawn(workspace, 100), failures=5)
    out = StringIO()
    call_command("list_candidates", "--workspace", "acme", stdout=out)
    assert "5 of 100 labels since its registration are failures" in out.getvalue()
    assert "At the present failure rate it will not pass." in out.getvalue()


def test_register__levels__are_shared_by_the_candidates_of_a_year(workspace: Workspace) -> None:
    levels = [register(workspace, threshold=value).level for value in (0.8, 0.7, 0.6)]
    # A fifth of delta, over (j + 1)(j + 2)
    assert levels == pytest.approx([0.01 / 2, 0.01 / 6, 0.01 / 12])
    first = Candidate.objects.earliest("pk")
    withdraw_candidate(actor=admin_of(workspace), candidate=first, reason="No.")
    # What was spent stays spent for a year.
    assert register(workspace).level == pytest.approx(0.01 / 20)


def test_register__below_the_smallest_propensity__is_that_of_the_audits(workspace: Workspace) -> None:
    assert (register(workspace).propensity, register(workspace).target_failure_rate) == (RATE, 0.05)


@pytest.mark.parametrize(
    ("change", "words_of_it"),
    [
        ({"threshold": 0.9}, "no more lenient"),
        ({"threshold": 0.123456}, "4 decimals"),
        ({"threshold": 1.5}, "between"),
        ({"match": {"weather": "fine"}}, "not valid"),
        ({"policy_key": "lead_context_bundle"}, "no confidence threshold"),
        ({"policy_key": "followup.auto_book"}, "audit sampling first"),
        ({"reason": ""}, "reason"),
    ],
)
def test_register__what_cannot_be_watched__is_refused(
    workspace: Workspace, change: dict[str, Any], words_of_it: str
) -> None:
    with pytest.raises(InvalidInput, match=words_of_it):
        register(workspace, **change)
    assert not Candidate.objects.exists()


def test_register__calendar_that_keeps_nothing_for_candidates__is_refused(workspace: Workspace) -> None:
    ReviewCalendar.objects.create(workspace=workspace, policy_key=KEY, candidate_share=0, set_at=timezone.now())
    with pytest.raises(InvalidInput, match="keeps no share"):
        register(workspace)


def test_register__audits_were_stopped__is_refused(workspace: Workspace) -> None:
    stop_audit_sampling(actor=admin_of(workspace), workspace=workspace, policy_key=KEY, reason="Enough.")
    with pytest.raises(InvalidInput, match="audit sampling first"):
        register(workspace)


def test_candidate__who_may_register_and_withdraw(workspace: Workspace) -> None:
    for outsider in (UserFactory(), admin_of(WorkspaceFactory())):
        with pytest.raises(NotFound):
            register(workspace, actor=outsider)
    with pytest.raises(PermissionRefused):
        register(workspace, actor=viewer_of(workspace))
    for person in (admin_of(workspace), SuperuserFactory()):
        candidate = register(workspace, actor=person)
        assert candidate.registered_by_name == person.get_username()
        with pytest.raises(NotFound):
            withdraw_candidate(actor=admin_of(WorkspaceFactory()), candidate=candidate, reason="No.")
        with pytest.raises(PermissionRefused):
            withdraw_candidate(actor=viewer_of(workspace), candidate=candidate, reason="No.")
        withdraw_candidate(actor=person, candidate=candidate, reason="No.")
        with pytest.raises(WrongState):
            withdraw_candidate(actor=person, candidate=candidate, reason="No.")


def test_command__registers_a_candidate(workspace: Workspace) -> None:
    out = StringIO()
    asked = ["--workspace", "acme", "--policy-key", KEY, "--value", "0.8", "--match", "model=m1", "--reason", "Pilot."]
    call_command("register_candidate", *asked, stdout=out)
    candidate = Candidate.objects.get()
    assert (candidate.segment, candidate.threshold, candidate.reason) == ({"model": "m1"}, 0.8, "Pilot.")
    assert f"Candidate {candidate.pk}: confidence_gate from 0.8000 on, at a level of 0.005." in out.getvalue()
    with pytest.raises(CommandError, match="KEY=VALUE"):
        call_command("register_candidate", *asked[:6], "--match", "model", "--reason", "Pilot.")


def test_desk__candidate__is_registered_looked_at_and_withdrawn(workspace: Workspace) -> None:
    client = signed_in(admin_of(workspace))
    form = {"workspace": workspace.pk, "policy_key": KEY, "threshold": "0.8", "model": "m1", "reason": "Pilot."}
    client.post(reverse("admin:calibration_candidate_add"), form)
    candidate = Candidate.objects.get()
    assert candidate.segment == {"model": "m1"}
    page = reverse("admin:calibration_candidate_change", args=[candidate.pk])
    assert "Its evidence stands at 1 and passes at 200." in words(client.get(page))
    assert "candidate" in words(client.get(reverse("admin:calibration_candidate_changelist"))).lower()
    client.post(reverse("admin:calibration_candidate_look", args=[candidate.pk]))
    client.post(reverse("admin:calibration_candidate_withdraw", args=[candidate.pk]), {"reason": "Too slow."})
    assert CandidateEnd.objects.get().reason == "Too slow."
    assert "Too slow." in words(client.get(page))


def test_desk__candidate__shows_its_way_to_the_bar(workspace: Workspace) -> None:
    candidate = registered(workspace)
    labelled(drawn(workspace, 60))
    labelled(drawn(workspace, 60, days=2), failures=1)
    shown = words(
        signed_in(viewer_of(workspace)).get(reverse("admin:calibration_candidate_change", args=[candidate.pk]))
    )
    assert "1 of 120 labels since its registration are failures." in shown
    logs = look_at_candidate(candidate).evidence.log_e_values
    assert f"2026-01-02 {logs[0]:.2f} 2026-01-03 {logs[1]:.2f}" in shown


def test_desk__calendar__is_set_and_shown(workspace: Workspace) -> None:
    client = signed_in(admin_of(workspace))
    opening = (timezone.now() + timedelta(days=90)).date()
    form = {
        "workspace": workspace.pk, "policy_key": KEY, "reviews_a_year": "2", "opening_on": opening.isoformat(),
        "target_failure_rate": "0.05", "risk_confidence": "0.95", "candidate_share": "0.2", "reason": "Audit.",
    }  # fmt: skip
    client.post(reverse("admin:calibration_reviewcalendar_add"), form)
    calendar = ReviewCalendar.objects.get()
    assert (calendar.reviews_a_year, calendar.opening_on, calendar.reason) == (2, opening, "Audit.")
    for page in ("changelist", "change"):
        arguments = [calendar.pk] if page == "change" else []
        shown = words(client.get(reverse(f"admin:calibration_reviewcalendar_{page}", args=arguments)))
        assert f"The next review is on {opening}" in shown
    viewer = signed_in(viewer_of(workspace))
    assert viewer.post(reverse("admin:calibration_reviewcalendar_add"), form).status_code in (403, 404)
    assert ReviewCalendar.objects.count() == 1


def test_register__reviews_have_spent_all__conflict(workspace: Workspace) -> None:
    now = timezone.now()
    for share, days in ((0, 400), (0.2, 1)):
        ReviewCalendar.objects.create(
            workspace=workspace, policy_key=KEY, candidate_share=share, reviews_a_year=1, window_days=30,
            opening_on=(now - timedelta(days=20)).date() if not share else None, set_at=now - timedelta(days=days),
        )  # fmt: skip
    with pytest.raises(Conflict, match="reviews of the year have spent"):
        register(workspace)


def test_register__all_levels_of_the_year_are_spent__conflict(workspace: Workspace) -> None:
    registered(workspace, level=0.01, registered_at=timezone.now(), number=1)
    with pytest.raises(Conflict, match="spent their share"):
        register(workspace)
