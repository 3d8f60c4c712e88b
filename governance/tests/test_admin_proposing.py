"""A person proposes in the admin: the policy first, then its values."""

from __future__ import annotations

import pytest

from governance.models import (
    ConfidencePolicyProposal,
)
from governance.tests.browser import page, signed_in, text, url
from governance.tests.factories import (
    KEY,
    WorkspaceFactory,
    admin_of,
    applied,
    config_of,
    viewer_of,
)

pytestmark = pytest.mark.django_db


def propose(client, workspace, **data):
    address = f"{url(ConfidencePolicyProposal, 'add')}?workspace={workspace.slug}&policy_key={KEY}"
    posted = {"title": "Lower it", "rationale": "It blocks too much.", "value_confidence_threshold": "0.85"}
    posted |= {"value_confidence_ceiling": "1", **data}
    return client.post(address, {"overrides-TOTAL_FORMS": "2", "overrides-INITIAL_FORMS": "0", **posted})


def test_propose__policy_is_chosen_first_and_its_values_are_the_form():
    workspace = WorkspaceFactory()
    applied(workspace, 0.8)
    client = signed_in(admin_of(workspace))
    first = text(client.get(url(ConfidencePolicyProposal, "add")))
    assert f'value="{workspace.slug}"' in first
    second = text(client.get(f"{url(ConfidencePolicyProposal, 'add')}?workspace={workspace.slug}&policy_key={KEY}"))
    assert 'name="value_confidence_threshold" value="0.8"' in second


def test_propose__through_the_page__opens_a_proposal_that_somebody_else_approves():
    workspace = WorkspaceFactory()
    author = admin_of(workspace)
    assert propose(signed_in(author), workspace).status_code == 302
    proposal = ConfidencePolicyProposal.objects.get()
    assert (proposal.author, proposal.summary) == (author, "It blocks too much.")
    assert proposal.config["values"] == {"confidence_threshold": 0.85, "confidence_ceiling": 1.0}
    assert signed_in(author).post(page(proposal, "approve")).status_code == 403
    seen = {"acknowledge_uncertified": "on"}
    assert signed_in(admin_of(workspace)).post(page(proposal, "approve"), seen).status_code == 302


@pytest.mark.parametrize(
    "data, message",
    [
        ({"value_confidence_threshold": "1.5"}, "less than or equal to 1"),
        ({"value_confidence_threshold": "0.5"}, "acknowledge the large one"),
        ({"value_confidence_threshold": "0.9"}, "nothing to change"),
        ({"rationale": " "}, "This field is required"),
        ({"overrides-0-match_model": "m-1"}, "give at least one value"),
        ({"overrides-0-value_confidence_threshold": "0.8"}, "Name at least one thing"),
        ({"overrides-0-match_model": "m 1", "overrides-0-value_confidence_threshold": "0.85"}, "has to be declared"),
    ],
)
def test_propose__not_valid__the_page_says_why_and_keeps_what_was_typed(data, message):
    workspace = WorkspaceFactory()
    response = propose(signed_in(admin_of(workspace)), workspace, **data)
    assert message in text(response)
    assert 'value="Lower it"' in text(response)
    assert not ConfidencePolicyProposal.objects.exists()


def test_propose__viewer_or_foreign_workspace__refused():
    workspace = WorkspaceFactory()
    assert propose(signed_in(viewer_of(workspace)), workspace).status_code == 403
    assert "Select a valid choice" in text(propose(signed_in(admin_of(WorkspaceFactory())), workspace))
    assert not ConfidencePolicyProposal.objects.exists()


def test_propose__override__is_a_row_with_the_names_that_were_seen():
    workspace = WorkspaceFactory()
    row = {"overrides-0-match_provider": "acme", "overrides-0-match_model": "m-1"}
    change = {**row, "overrides-0-value_confidence_threshold": "0.85", "value_confidence_threshold": "0.9"}
    assert propose(signed_in(admin_of(workspace)), workspace, **change).status_code == 302
    (override,) = ConfidencePolicyProposal.objects.get().config["overrides"]
    assert override == {"match": {"provider": "acme", "model": "m-1"}, "values": {"confidence_threshold": 0.85}}


def test_propose__overrides_in_force__are_rows_and_a_row_made_blank_is_gone():
    workspace = WorkspaceFactory()
    applied(workspace, config=config_of(0.85, model="m-1"))
    client = signed_in(admin_of(workspace))
    address = f"{url(ConfidencePolicyProposal, 'add')}?workspace={workspace.slug}&policy_key={KEY}"
    form = text(client.get(address))
    assert 'name="overrides-0-match_model" value="m-1"' in form
    assert 'name="overrides-0-value_confidence_threshold" value="0.85"' in form
    assert "JSON" not in form
    data = {"overrides-TOTAL_FORMS": "3", "overrides-INITIAL_FORMS": "1", "value_confidence_threshold": "0.9"}
    assert propose(client, workspace, **data).status_code == 302
    assert ConfidencePolicyProposal.objects.latest("pk").config["overrides"] == []
