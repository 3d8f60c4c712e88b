"""Where a judge reads what was drawn before people, their labels count by its verdict, and a certificate says so."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from calibration.statistics.judges import judged_p_value
from calibration.tests.factories import START, WINDOW, gated, outcome, review, store
from confidence_project.foundation.bulk import insert_rows
from governance.models import ConfidencePolicyProposal, Workspace
from governance.tests.browser import signed_in, words
from governance.tests.factories import WorkspaceFactory, admin_of
from ledger.labelling.rules import set_labelling_rules
from ledger.models import DecisionOutcome, DecisionRecord, JudgeVerdict, LabellingRules

pytestmark = pytest.mark.django_db

KEY = "confidence_gate"
HUMAN = DecisionOutcome.Source.HUMAN_REVIEW


@pytest.fixture
def workspace() -> Workspace:
    workspace = WorkspaceFactory()
    rules = set_labelling_rules(
        actor=admin_of(workspace), workspace=workspace, policy_key=KEY, reason="A judge reads first.",
        label_source="drawn", judged_share=Decimal("0.5"),
    )  # fmt: skip
    LabellingRules.objects.filter(pk=rules.pk).update(started_at=START - timedelta(days=1))
    return workspace


def drawn(workspace: Workspace, confidence: float, number: int, **fields: Any) -> list[DecisionRecord]:
    told = {"audit_selected": True, "label_propensity": "0.25", **fields}
    made = [gated(workspace, confidence=confidence, minute=place, **told) for place in range(number)]
    store(made)
    return made


def read(decisions: list[DecisionRecord], *, success: bool, share: str = "0.5", spared: bool = False) -> None:
    """A judge has read them; their lots lie on one side of the share."""
    lot = int(Decimal(share) * 10_000) - (not spared)
    insert_rows(
        [
            JudgeVerdict(
                workspace=each.workspace, decision=each, success=success, lot=lot, share=share,
                is_spared=success and spared, recorded_at=each.occurred_at, reporter="judge",
                external_id=f"judge-{each.pk}", body_sha256="00" * 32,
            )
            for each in decisions
        ]
    )  # fmt: skip


def labelled(decisions: list[DecisionRecord], *, failures: int) -> None:
    store([], [outcome(each, place >= failures, source=HUMAN) for place, each in enumerate(decisions)])


def judged(workspace: Workspace, confidence: float, *, wrong: tuple[int, int], asked: tuple[int, int]) -> None:
    """Drawn decisions: what the judge calls wrong and fails, what it calls right and people label, as many spared."""
    made = drawn(workspace, confidence, wrong[0] + 2 * asked[0])
    called_wrong, kept, spared = made[: wrong[0]], made[wrong[0] : wrong[0] + asked[0]], made[wrong[0] + asked[0] :]
    read(called_wrong, success=False)
    read(kept, success=True)
    read(spared, success=True, spared=True)
    labelled(called_wrong, failures=wrong[1])
    labelled(kept, failures=asked[1])


def finding_of(workspace: Workspace) -> dict[str, Any]:
    run = review(workspace=workspace, policy_keys=[KEY], **WINDOW)
    (finding,) = run.output["policies"][0]["findings"]
    return finding


def test_judge__what_it_spares__is_certified_by_what_people_label(workspace: Workspace) -> None:
    judged(workspace, 0.95, wrong=(40, 6), asked=(400, 2))
    judged(workspace, 0.85, wrong=(40, 6), asked=(300, 2))
    finding = finding_of(workspace)
    assert (finding["method"], finding["recommended"], finding["reason"]) == ("judge", 0.85, "OK")
    answer = finding["answer"]
    assert (answer["decisions"], answer["caught"], answer["slipped"], answer["share"]) == (1_480, 12, 4, 0.5)
    assert answer["failure_rate"] == pytest.approx((12 + 4 / 0.5) / 1_480)
    exact = judged_p_value(12, 4, 1_480, share=0.5, alpha=0.05, level=answer["level"])
    assert answer["p_value"] == pytest.approx(exact)
    # What is looked at has the failures at their weight.
    assert finding["at_recommended"]["failure_rate"] == pytest.approx(20 / 1_480)
    assert "a random share of 0.5 of what it calls right" in finding["statement"]
    assert "12 of 1,480 drawn decisions failed that it did not call right" in finding["explanation"]
    proposal = ConfidencePolicyProposal.objects.get()
    page = signed_in(admin_of(workspace)).get(
        reverse("admin:governance_confidencepolicyproposal_change", args=[proposal.pk])
    )
    assert "People label all that a judge calls wrong" in words(page)


def test_judge__what_slips_past_it__weighs_double(workspace: Workspace) -> None:
    judged(workspace, 0.95, wrong=(40, 6), asked=(400, 30))
    judged(workspace, 0.92, wrong=(40, 6), asked=(300, 30))
    finding = finding_of(workspace)
    assert (finding["method"], finding["recommended"]) == ("judge", None)
    assert finding["at_current"]["failure_rate"] == pytest.approx((12 + 60 / 0.5) / 1_480)


def test_judge__what_it_has_not_read__needs_a_label_like_what_it_calls_wrong(workspace: Workspace) -> None:
    judged(workspace, 0.95, wrong=(40, 6), asked=(400, 2))
    labelled(drawn(workspace, 0.95, 300)[:200], failures=0)
    finding = finding_of(workspace)
    # Unread and unlabelled ones are failures, not gaps.
    assert finding["at_current"]["failure_rate"] == pytest.approx((6 + 100 + 2 / 0.5) / 1_140)


def test_judge__share_changed_meanwhile__the_smallest_stands_for_all(workspace: Workspace) -> None:
    judged(workspace, 0.95, wrong=(40, 2), asked=(400, 0))
    late = drawn(workspace, 0.95, 300)
    read(late, success=True, share="0.8")
    labelled(late, failures=20)
    finding = finding_of(workspace)
    # Their lots are 7,999: drawn at .8, and not at .5.
    assert finding["answer"]["slipped"] is None or finding["answer"]["slipped"] == 0
    assert finding["at_current"]["failure_rate"] == pytest.approx(2 / 1_140)


def test_judge__fewer_than_a_thousand__is_not_heard(workspace: Workspace) -> None:
    judged(workspace, 0.95, wrong=(40, 0), asked=(400, 0))
    finding = finding_of(workspace)
    assert (finding["reason"], finding["answer"]["needed"]) == ("INSUFFICIENT_DATA", 1_000)


def test_judge__decisions_below_in_no_draw__it_reaches_down_to_them(workspace: Workspace) -> None:
    judged(workspace, 0.95, wrong=(40, 6), asked=(500, 2))
    judged(workspace, 0.85, wrong=(40, 6), asked=(300, 2))
    store([gated(workspace, confidence=0.9, minute=place) for place in range(50)])
    finding = finding_of(workspace)
    assert (finding["answer"]["judged"], finding["recommended"]) == (1_040, 0.95)


def test_judge__several_decisions_of_a_case__one_counts(workspace: Workspace) -> None:
    judged(workspace, 0.95, wrong=(40, 6), asked=(500, 2))
    same = drawn(workspace, 0.95, 60, case_key="ticket-1")
    labelled(same, failures=0)
    assert finding_of(workspace)["answer"]["judged"] == 1_041
