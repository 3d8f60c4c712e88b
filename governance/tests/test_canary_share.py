"""Who is in a canary: always the same cases, more of them as the share is raised, and none without a name."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from governance import definitions
from governance.definitions import get_definition
from governance.models import ConfidencePolicyProposal
from governance.policies import (
    PolicyUnavailable,
    read_context,
    read_contexts,
    resolve_threshold,
)
from governance.rollouts.active import is_in_share
from governance.tests.factories import (
    FIELD,
    KEY,
    SuperuserFactory,
    WorkspaceFactory,
    applied,
    case_in,
    in_canary,
    in_shadow,
)
from governance.tests.ofrep_requests import Evaluator
from governance.workflow import set_canary_share

FLAG = f"{KEY}.{FIELD}"

shares = st.decimals(min_value=0, max_value=1, places=4)


@given(st.integers(min_value=1), st.text(min_size=1), shares, shares)
def test_share__raised__only_adds_cases(rollout_id, case_key, one, other):
    low, high = sorted([one, other])
    assert is_in_share(rollout_id, case_key, low) <= is_in_share(rollout_id, case_key, high)


def test_share__of_many_cases__is_about_that_share():
    taken = sum(is_in_share(7, f"case-{number}", Decimal("0.2")) for number in range(10_000))
    assert 1_800 < taken < 2_200  # five standard deviations to either side


def test_share__known_case__this_side():
    first = int(hashlib.sha256(b"1:case-1").hexdigest()[:16], 16) / 2**64
    share = Decimal(str(first)).quantize(Decimal("0.0001"))
    assert is_in_share(1, "case-1", share + Decimal("0.0001"))
    assert not is_in_share(1, "case-1", share - Decimal("0.0001"))


def test_share__no_case_key__never_in():
    assert not is_in_share(1, "", Decimal("1"))


@pytest.mark.django_db
def test_resolve__canary__the_candidate_rules_inside_and_the_policy_outside():
    workspace = WorkspaceFactory()
    applied(workspace, 0.88)
    rollout = in_canary(workspace, 0.8)
    inside, outside = case_in(rollout, inside=True), case_in(rollout, inside=False)
    assert resolve_threshold(workspace, KEY, FIELD, case_key=inside) == 0.8
    assert resolve_threshold(workspace, KEY, FIELD, case_key=outside) == 0.88
    assert resolve_threshold(workspace, KEY, FIELD) == 0.88
    assert read_context(workspace, KEY).ruling(inside).policy.version == 1


@pytest.mark.django_db
def test_resolve__shadow__the_policy_in_force_rules_over_everybody():
    rollout = in_shadow(WorkspaceFactory())
    assert {resolve_threshold(rollout.workspace, KEY, FIELD, case_key=f"case-{n}") for n in range(50)} == {0.9}


@pytest.mark.django_db
def test_resolve__canary_whose_proposal_ran_out__the_policy_rules_before_anybody_marks_it():
    rollout = in_canary(WorkspaceFactory())
    inside = case_in(rollout, inside=True)
    assert resolve_threshold(rollout.workspace, KEY, FIELD, case_key=inside) == 0.8
    proposals = ConfidencePolicyProposal.objects.filter(pk=rollout.proposal_id)
    proposals.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert resolve_threshold(rollout.workspace, KEY, FIELD, case_key=inside) == 0.9
    assert proposals.get().status == ConfidencePolicyProposal.Status.APPROVED


@pytest.mark.django_db
def test_read_path__rollout__still_one_query(django_assert_num_queries):
    workspace = WorkspaceFactory()
    in_canary(workspace)
    resolve_threshold(workspace, KEY, FIELD)
    with django_assert_num_queries(1):
        resolve_threshold(workspace, KEY, FIELD, case_key="case-1")
    with django_assert_num_queries(1):
        read_contexts(workspace, [KEY, "decision_gate"])


@pytest.fixture
def narrow(monkeypatch):
    """Tighten the bounds of the field so that 0.8 is not within them any more."""
    definition = get_definition(KEY)

    def tighten():
        field = replace(definition.fields[0], minimum=0.85)
        monkeypatch.setitem(definitions.DEFINITIONS.things, KEY, replace(definition, fields=(field,)))

    return tighten


@pytest.mark.django_db
def test_resolve__candidate_that_its_definition_refuses__unavailable_inside_only(narrow):
    rollout = in_canary(WorkspaceFactory())
    narrow()
    with pytest.raises(PolicyUnavailable):
        resolve_threshold(rollout.workspace, KEY, FIELD, case_key=case_in(rollout, inside=True))
    assert resolve_threshold(rollout.workspace, KEY, FIELD, case_key=case_in(rollout, inside=False)) == 0.9


@pytest.mark.django_db
def test_flag__canary__splits_by_the_targeting_key():
    workspace = WorkspaceFactory()
    applied(workspace, 0.88)
    rollout = in_canary(workspace, 0.8)
    machine = Evaluator(workspace)
    flag = machine.flag(FLAG, targetingKey=case_in(rollout, inside=True))
    assert (flag["value"], flag["reason"], flag["variant"]) == (0.8, "SPLIT", f"v1-canary-{rollout.pk}")
    assert flag["metadata"] == {
        "policy_version": 1,
        "source": "db",
        "rollout": rollout.pk,
        "rollout_arm": "canary",
    }
    flag = machine.flag(FLAG, targetingKey=case_in(rollout, inside=False))
    assert (flag["value"], flag["reason"], flag["variant"]) == (0.88, "SPLIT", "v1")
    assert flag["metadata"]["rollout_arm"] == "control"
    flag = machine.flag(FLAG)
    assert (flag["value"], flag["reason"], flag["variant"]) == (0.88, "STATIC", "v1")
    assert machine.flag(FLAG, targetingKey="\ud800")["reason"] == "SPLIT"


@pytest.mark.django_db
def test_flag__shadow__clients_see_nothing_of_it():
    rollout = in_shadow(WorkspaceFactory())
    flag = Evaluator(rollout.workspace).flag(FLAG, targetingKey="case-1")
    assert (flag["value"], flag["reason"]) == (0.9, "STATIC")
    assert flag["metadata"] == {"policy_version": 0, "source": "default"}


@pytest.mark.django_db
def test_flag__candidate_that_its_definition_refuses__allows_nothing_inside(narrow):
    rollout = in_canary(WorkspaceFactory())
    narrow()
    machine, inside = Evaluator(rollout.workspace), case_in(rollout, inside=True)
    assert machine.flag(FLAG, targetingKey=inside)["value"] == 2.0
    assert machine.flag(f"{KEY}.enabled", targetingKey=inside)["value"] is False
    assert machine.flag(f"{KEY}.enabled", targetingKey=case_in(rollout, inside=False))["value"] is True


@pytest.mark.django_db
def test_flags__canary__a_poll_after_the_share_was_raised_is_no_304():
    workspace = WorkspaceFactory()
    rollout = in_shadow(workspace)
    machine, context = Evaluator(workspace), {"targetingKey": "case-1"}
    tag = machine.flags(context).headers["ETag"]
    share = {"actor": SuperuserFactory(), "workspace": workspace, "proposal_id": rollout.proposal_id}
    set_canary_share(**share, share=Decimal("0.9999"))
    assert machine.flags(context, If_None_Match=tag).status_code == 200
