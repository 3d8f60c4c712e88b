"""Policies as files: exported, and proposed again; nothing is applied by it."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError

from governance.models import ConfidencePolicy, ConfidencePolicyProposal
from governance.tests.commands import run
from governance.tests.factories import FIELD, KEY, WorkspaceFactory, admin_of, applied, viewer_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace():
    return WorkspaceFactory()


@pytest.fixture
def propose(workspace, tmp_path):
    def call(document, *options, actor=None):
        path = tmp_path / "policies.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        who = (actor or admin_of(workspace)).username
        said = ["--workspace", workspace.slug, "--as", who, "--title", "A change", "--reason", "Change 118"]
        return run("propose_policies", path, *said, *options)

    return call


def exported(workspace):
    return json.loads(run("export_policies", "--workspace", workspace.slug))


def test_export__policies_that_were_applied(workspace):
    assert exported(workspace) == {"schema": "confidence-policies/1", "policies": []}
    revision = applied(workspace, 0.8)
    applied(WorkspaceFactory(), 0.7)
    (policy,) = exported(workspace)["policies"]
    assert policy == {"policy_key": KEY, "version": 1, "config": revision.config_after}


def test_propose__as_exported__opens_nothing(workspace, propose):
    applied(workspace, 0.8)
    assert "0 proposals opened." in propose(exported(workspace))


def test_propose__a_change__is_a_proposal_and_the_policy_stays(workspace, propose):
    applied(workspace, 0.8)
    document = exported(workspace)
    document["policies"][0]["config"]["values"][FIELD] = 0.85
    gate = {"policy_key": "decision_gate", "version": 0, "config": {"values": {"llm_confidence_threshold": 0.7}}}
    document["policies"].append(gate)
    assert "2 proposals opened." in propose(document)
    opened = ConfidencePolicyProposal.objects.filter(origin="person")
    assert {(each.policy_key, each.status, each.summary) for each in opened} == {
        (KEY, "PENDING", "Change 118"),
        ("decision_gate", "PENDING", "Change 118"),
    }
    assert ConfidencePolicy.objects.get(policy_key=KEY).config["values"][FIELD] == 0.8


def test_propose__one_that_cannot_be__none_is_opened_and_it_is_named(workspace, propose):
    applied(workspace, 0.8)
    document = exported(workspace)
    document["policies"][0]["config"]["values"][FIELD] = 0.85
    document["policies"].append({"policy_key": "decision_gate", "version": 0, "config": {"values": {"x": 1}}})
    with pytest.raises(CommandError, match="/policies/1"):
        propose(document)
    assert not ConfidencePolicyProposal.objects.filter(origin="person").exists()


def test_propose__large_step__is_acknowledged_or_refused(workspace, propose):
    applied(workspace, 0.8)
    document = exported(workspace)
    document["policies"][0]["config"]["values"][FIELD] = 0.4
    with pytest.raises(CommandError, match="largest step"):
        propose(document)
    assert "1 proposals" in propose(document, "--acknowledge-large-step")


def test_propose__policy_has_moved_on__is_stale(workspace, propose):
    applied(workspace, 0.8)
    document = exported(workspace)
    applied(workspace, 0.85)
    with pytest.raises(CommandError, match="version 2 now"):
        propose(document)


def test_propose__viewer__is_refused(workspace, propose):
    applied(workspace, 0.8)
    with pytest.raises(CommandError, match="may propose"):
        propose(exported(workspace), actor=viewer_of(workspace))


@pytest.mark.parametrize(
    "document",
    [
        "{",
        "[]",
        {"schema": "confidence-policies/2", "policies": []},
        {"schema": "confidence-policies/1", "policies": [{"policy_key": KEY}]},
        {"schema": "confidence-policies/1", "policies": [{"policy_key": "no.such", "version": 0, "config": {}}]},
        {"schema": "confidence-policies/1", "policies": [{"policy_key": KEY, "version": 0, "config": {}}] * 2},
    ],
)
def test_propose__what_is_no_such_file__is_refused(propose, document):
    with pytest.raises(CommandError):
        propose(document)
