"""Certified thresholds as a file: what is in it, and whether it still holds."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path

import jsonschema
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from calibration.models import PolicyAlarm, PolicyLook
from calibration.reviews.setting import set_review_calendar
from governance.models import ConfidencePolicyProposal
from governance.tests.callers import Caller
from governance.tests.commands import run
from governance.tests.factories import FIELD, KEY, SuperuserFactory, WorkspaceFactory, admin_of, applied
from governance.workflow import (
    apply_confidence_policy_proposal,
    approve_confidence_policy_proposal,
    propose_confidence_policy,
    rollback_confidence_policy_revision,
)
from ledger.models import LogLeaf
from ledger.transparency.services import append_leaves

pytestmark = pytest.mark.django_db

SEGMENT = {"provider": "acme", "model": "acme-1", "confidence_kind": "classifier"}
EVIDENCE = {
    "parameters": {"target_failure_rate": 0.02, "risk_confidence": 0.9, "maturity_days": 7},
    "findings": [
        {"segment": SEGMENT, "reason": "OK", "is_proposable": True},
        {"segment": {"provider": "other"}, "reason": "TOO_FEW", "is_proposable": False},
    ],
}
CONFIG = {"values": {FIELD: 0.95}, "overrides": [{"match": SEGMENT, "values": {FIELD: 0.8}}]}


@pytest.fixture
def caller():
    return Caller()


def certified(workspace, **fields):
    return applied(workspace, **{"evidence": EVIDENCE, "config": CONFIG, **fields})


def thresholds(caller):
    reply = caller.get("thresholds")
    assert reply.status_code == 200
    return reply.json()


def written(folder: Path, document) -> str:
    path = folder / "thresholds.json"
    path.write_text(json.dumps(document))
    return str(path)


def test_thresholds__applied_calibration__with_its_promise_and_its_revision(caller):
    revision = certified(caller.workspace)
    applied(WorkspaceFactory(), evidence=EVIDENCE, config=CONFIG)
    assert thresholds(caller) == {
        "schema": "confidence-thresholds/1",
        "thresholds": [
            {
                "policy_key": KEY,
                "match": SEGMENT,
                "at_least": 0.8,
                "target_failure_rate": 0.02,
                "risk_confidence": 0.9,
                "policy_version": 1,
                "revision": revision.pk,
                "evidence_sha256": revision.proposal.evidence_sha256,
                "applied_at": revision.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        ],
    }


def test_thresholds__of_a_logged_revision_and_a_calendar__with_its_leaf_and_until_when(caller):
    revision = certified(caller.workspace)
    opening = (timezone.now() + timedelta(days=90)).date()
    set_review_calendar(
        actor=None, workspace=caller.workspace, policy_key=KEY, reason="Yearly.", opening_on=opening, window_days=30
    )
    append_leaves()
    (threshold,) = thresholds(caller)["thresholds"]
    assert threshold["expires_on"] == opening.isoformat()
    leaf = LogLeaf.objects.get(entry="revision", entry_id=f"{revision.pk:020d}")
    assert threshold["revision_leaf"] == bytes(leaf.leaf_hash).hex()


def test_thresholds__ceiling__is_the_upper_bound(caller):
    certified(caller.workspace, config={"values": {FIELD: 0.8, "confidence_ceiling": 0.97}, "overrides": []})
    (threshold,) = thresholds(caller)["thresholds"]
    assert (threshold["at_least"], threshold["at_most"]) == (0.8, 0.97)


def test_thresholds__nothing_applied_a_persons_value_or_a_rollback__none(caller):
    workspace = caller.workspace
    assert thresholds(caller)["thresholds"] == []
    proposal = propose_confidence_policy(
        actor=admin_of(workspace), workspace=workspace, policy_key=KEY, title="x", rationale="x",
        config={"values": {FIELD: 0.95}},
    )  # fmt: skip
    approve_confidence_policy_proposal(actor=admin_of(workspace), workspace=workspace, proposal_id=proposal.pk)
    first = apply_confidence_policy_proposal(actor=SuperuserFactory(), workspace=workspace, proposal_id=proposal.pk)
    assert thresholds(caller)["thresholds"] == []
    second = certified(workspace)
    assert len(thresholds(caller)["thresholds"]) == 1
    rollback_confidence_policy_revision(
        actor=SuperuserFactory(), workspace=workspace, revision_id=first.pk, reason="x", expected_version=second.version
    )
    assert thresholds(caller)["thresholds"] == []
    assert ConfidencePolicyProposal.objects.filter(origin="calibration", status="APPLIED").exists()


def test_thresholds__alarm__none(caller):
    revision = certified(caller.workspace)
    look = PolicyLook.objects.create(
        revision=revision, workspace=caller.workspace, day=timezone.now().date(), labelled=9, failures=9, alpha=0.02,
        delta=0.1, log_e_value=9.0, at=timezone.now(),
    )  # fmt: skip
    PolicyAlarm.objects.create(revision=revision, workspace=caller.workspace, look=look, raised_at=timezone.now())
    assert thresholds(caller)["thresholds"] == []


def test_thresholds__key_without_scope__is_refused(caller):
    assert Caller(caller.workspace, ["decide"]).get("thresholds").status_code == 403
    assert Client().get("/api/v1/thresholds").status_code == 401


def test_files_of_both_sources__fit_the_schema(caller, tmp_path):
    certified(caller.workspace)
    labelled = tmp_path / "labelled.csv"
    rows = "".join(f"acme,acme-1,0.{place % 50 + 50:02},1\n" for place in range(2_000))
    labelled.write_text("provider,model,confidence,success\n" + rows)
    path = tmp_path / "certified.json"
    call_command("certify", str(labelled), thresholds=path, stdout=StringIO())
    document = caller.client.get("/api/v1/schema", headers={"Accept": "application/json"}).json()
    schema = {**document["components"]["schemas"]["ThresholdsFile"], "components": document["components"]}
    for each in (thresholds(caller), json.loads(path.read_text())):
        assert each["thresholds"]
        jsonschema.Draft202012Validator(schema).validate(each)


def test_check__as_it_was_written__holds_and_until_the_value_moves(caller, tmp_path):
    certified(caller.workspace)
    path = written(tmp_path, thresholds(caller))
    where = ["--workspace", caller.workspace.slug]
    assert "All 1 thresholds are in force." in run("check_thresholds", path, *where)
    certified(caller.workspace, config={"values": {FIELD: 0.95}, "overrides": [
        {"match": SEGMENT, "values": {FIELD: 0.85}}]})  # fmt: skip
    with pytest.raises(CommandError, match="1 of 1 thresholds are no longer in force"):
        run("check_thresholds", path, *where)


@pytest.mark.parametrize(
    "change, reason",
    [
        ({}, None),
        ({"target_failure_rate": 0.05, "risk_confidence": 0.8}, None),
        ({"target_failure_rate": 0.01}, "weaker"),
        ({"risk_confidence": 0.95}, "weaker"),
        ({"at_least": 0.7}, "another threshold"),
        ({"at_most": 0.9}, "another threshold"),
        ({"match": {}}, "nothing is certified"),
        ({"policy_key": "decision_gate"}, "nothing is certified"),
    ],
)
def test_check__what_the_file_says_otherwise__is_named(caller, tmp_path, capsys, change, reason):
    certified(caller.workspace)
    document = thresholds(caller)
    document["thresholds"][0].update(change)
    command = ["check_thresholds", written(tmp_path, document), "--workspace", caller.workspace.slug]
    if reason is None:
        call_command(*command)
    else:
        with pytest.raises(CommandError):
            call_command(*command)
        assert reason in capsys.readouterr().out


def test_check__file_of_certify__needs_the_policy_key(caller, tmp_path):
    certified(caller.workspace)
    document = {
        "schema": "confidence-thresholds/1", "target_failure_rate": 0.05, "risk_confidence": 0.9,
        "thresholds": [{"match": SEGMENT, "at_least": 0.8}],
    }  # fmt: skip
    command = ["check_thresholds", written(tmp_path, document), "--workspace", caller.workspace.slug]
    with pytest.raises(CommandError, match="--policy-key"):
        run(*command)
    assert "in force" in run(*command, "--policy-key", KEY)


@pytest.mark.parametrize(
    "content",
    ["{", "[]", "{}", '{"schema": "confidence-thresholds/2", "thresholds": []}',
     '{"schema": "confidence-thresholds/1", "thresholds": [{"match": {}, "at_least": 7}]}'],
)  # fmt: skip
def test_check__what_is_no_such_file__is_refused(caller, tmp_path, content):
    path = tmp_path / "thresholds.json"
    path.write_text(content)
    with pytest.raises(CommandError):
        run("check_thresholds", path, "--workspace", caller.workspace.slug)
