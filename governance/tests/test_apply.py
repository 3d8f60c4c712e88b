"""Apply, roll back, and what each leaves on record."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from confidence_project.foundation.append_only import AppendOnlyViolation
from confidence_project.foundation.errors import Conflict, InvalidInput
from confidence_project.foundation.triggers.guarding import check_triggers
from governance.models import ConfidencePolicy, ConfidencePolicyProposal, ConfidencePolicyRevision, ProposalEvent
from governance.policies import resolve_threshold
from governance.tests.factories import (
    FIELD,
    KEY,
    SuperuserFactory,
    WorkspaceFactory,
    admin_of,
    applied,
    approved,
    config_of,
    pending,
)
from governance.workflow import (
    apply_confidence_policy_proposal,
    approve_confidence_policy_proposal,
    reject_confidence_policy_proposal,
    rollback_confidence_policy_revision,
)

pytestmark = pytest.mark.django_db
Origin = ConfidencePolicyProposal.Origin


def apply(workspace, proposal, **options):
    return apply_confidence_policy_proposal(
        actor=SuperuserFactory(), workspace=workspace, proposal_id=proposal.pk, **options
    )


def roll_back(workspace, revision, reason="It went wrong.", **options):
    return rollback_confidence_policy_revision(
        actor=SuperuserFactory(), workspace=workspace, revision_id=revision.pk, reason=reason, **options
    )


def history(workspace):
    revisions = ConfidencePolicyRevision.objects.in_workspace(workspace).order_by("version")
    return [(row.version, row.action, row.config_after["values"][FIELD]) for row in revisions]


def test_apply__first_time__writes_baseline_revision_and_policy():
    workspace = WorkspaceFactory()
    revision = applied(workspace, 0.8)
    assert history(workspace) == [(0, "BASELINE", 0.9), (1, "APPLY_PROPOSAL", 0.8)]
    assert revision.config_before["values"][FIELD] == 0.9
    assert resolve_threshold(workspace, KEY, FIELD) == 0.8
    proposal = revision.proposal
    assert (proposal.status, proposal.applier_name) == ("APPLIED", revision.actor_name)


def test_apply__second_time__no_second_baseline():
    workspace = WorkspaceFactory()
    applied(workspace, 0.8)
    applied(workspace, 0.7)
    assert history(workspace) == [(0, "BASELINE", 0.9), (1, "APPLY_PROPOSAL", 0.8), (2, "APPLY_PROPOSAL", 0.7)]


def test_apply__policy_has_moved_on__stale_conflict_and_nothing_changes():
    workspace = WorkspaceFactory()
    proposal = approved(workspace, 0.8)
    ConfidencePolicy.objects.create(workspace=workspace, policy_key=KEY, config=config_of(0.5), version=4)
    with pytest.raises(Conflict, match=r"Stale.*version 0.*version 4"):
        apply(workspace, proposal)
    proposal.refresh_from_db()
    assert proposal.status == "APPROVED"
    assert resolve_threshold(workspace, KEY, FIELD) == 0.5
    assert history(workspace) == []


def test_apply__other_open_proposals_of_the_policy__superseded_those_of_others_not():
    workspace = WorkspaceFactory()
    rival = pending(workspace, 0.85, origin=Origin.PERSON, author=admin_of(workspace))
    elsewhere = pending(WorkspaceFactory())
    other_key = pending(workspace, policy_key="decision_gate", config={"values": {}})
    applied(workspace, 0.8)
    for proposal, status in [(rival, "SUPERSEDED"), (elsewhere, "PENDING"), (other_key, "PENDING")]:
        proposal.refresh_from_db()
        assert proposal.status == status
    assert "Version 1" in rival.events.last().reason


def test_apply__evidence_changed_since_approval__refused():
    workspace = WorkspaceFactory()
    proposal = approved(workspace)
    ConfidencePolicyProposal.objects.filter(pk=proposal.pk).update(approved_evidence_sha256="0" * 64)
    with pytest.raises(Conflict, match="evidence is not what was approved"):
        apply(workspace, proposal)
    assert history(workspace) == []


@pytest.mark.parametrize("field, value", [("evidence", "{}"), ("config", {"values": {}}), ("base_version", 7)])
def test_proposal__rewritten_in_place__refused(field, value):
    proposal = approved(WorkspaceFactory())
    with pytest.raises(AppendOnlyViolation, match="open a new proposal"):
        ConfidencePolicyProposal.objects.filter(pk=proposal.pk).update(**{field: value})
    setattr(proposal, field, value)
    with pytest.raises(AppendOnlyViolation):
        proposal.save()
    with pytest.raises(AppendOnlyViolation):
        ConfidencePolicyProposal.objects.bulk_update([proposal], [field])


@pytest.mark.parametrize("column", ConfidencePolicyProposal.written_once)
def test_proposal__rewritten_by_raw_sql__refused_by_the_database(column):
    proposal = approved(WorkspaceFactory())
    field = ConfidencePolicyProposal._meta.get_field(column)
    table = ConfidencePolicyProposal._meta.db_table
    with pytest.raises(DatabaseError, match="written once"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {field.column} = {field.column} WHERE id = {proposal.pk}")


def test_check__write_once_trigger_is_gone__an_error():
    assert check_triggers(databases=["default"]) == []
    table = ConfidencePolicyProposal._meta.db_table
    on_table = f" ON {table}" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {table}_write_once{on_table}")
    assert [error.id for error in check_triggers(databases=["default"])] == ["confidence.E003"]


def test_apply__definition_refuses_the_config_by_now__invalid_and_nothing_changes(monkeypatch):
    workspace = WorkspaceFactory()
    proposal = approved(workspace, 0.8)
    tighten(monkeypatch, minimum=0.85)
    with pytest.raises(InvalidInput, match="must lie between"):
        apply(workspace, proposal)
    assert history(workspace) == []


def tighten(monkeypatch, **bounds):
    """Change the bounds of the test's field as a release of the host would."""
    import dataclasses

    from governance import definitions

    definition = definitions.get_definition(KEY)
    field = dataclasses.replace(definition.fields[0], **bounds)
    monkeypatch.setitem(definitions.DEFINITIONS.things, KEY, dataclasses.replace(definition, fields=(field,)))


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
def test_reason__text_that_a_database_refuses__clear_error(text):
    workspace = WorkspaceFactory()
    proposal = pending(workspace)
    with pytest.raises(InvalidInput, match="The reason holds a NUL"):
        reject_confidence_policy_proposal(
            actor=admin_of(workspace), workspace=workspace, proposal_id=proposal.pk, reason=text
        )
    proposal.refresh_from_db()
    assert proposal.status == "PENDING"


@pytest.mark.parametrize("reason", ["", " \n", None])
def test_reject__no_reason__refused(reason):
    workspace = WorkspaceFactory()
    with pytest.raises(InvalidInput, match="reason"):
        reject_confidence_policy_proposal(
            actor=admin_of(workspace), workspace=workspace, proposal_id=pending(workspace).pk, reason=reason
        )


def test_reject__reason__is_kept_on_proposal_and_event():
    workspace = WorkspaceFactory()
    admin = admin_of(workspace)
    proposal = reject_confidence_policy_proposal(
        actor=admin, workspace=workspace, proposal_id=approved(workspace).pk, reason=" Too bold. "
    )
    assert (proposal.reject_reason, proposal.rejecter_name) == ("Too bold.", admin.username)
    assert proposal.events.last().reason == "Too bold."


def test_approve__large_step_of_a_calibration__needs_the_acknowledgement_which_is_stored():
    workspace = WorkspaceFactory()
    proposal = pending(workspace, 0.6)
    admin = admin_of(workspace)
    with pytest.raises(InvalidInput, match="acknowledge"):
        approve_confidence_policy_proposal(actor=admin, workspace=workspace, proposal_id=proposal.pk)
    proposal = approve_confidence_policy_proposal(
        actor=admin, workspace=workspace, proposal_id=proposal.pk, acknowledge_large_step=True
    )
    assert proposal.large_step_acknowledged


def test_approve__hash_of_the_evidence__is_bound():
    proposal = approved(WorkspaceFactory())
    assert proposal.approved_evidence_sha256 == proposal.evidence_sha256


def test_rollback__to_baseline__is_a_new_revision_with_the_old_content():
    workspace = WorkspaceFactory()
    policy = applied(workspace, 0.8).policy
    baseline = policy.revisions.get(version=0)
    revision = roll_back(workspace, baseline)
    assert history(workspace) == [(0, "BASELINE", 0.9), (1, "APPLY_PROPOSAL", 0.8), (2, "ROLLBACK", 0.9)]
    assert (revision.restored_revision, revision.reason) == (baseline, "It went wrong.")
    assert resolve_threshold(workspace, KEY, FIELD) == 0.9


def test_rollback__of_a_rollback__restores_what_that_revision_put_in_force():
    workspace = WorkspaceFactory()
    first = applied(workspace, 0.8)
    applied(workspace, 0.7)
    back = roll_back(workspace, first)
    applied(workspace, 0.75)
    assert roll_back(workspace, back).config_after == config_of(0.8)


def test_rollback__open_proposals_of_the_policy__superseded():
    workspace = WorkspaceFactory()
    baseline = applied(workspace, 0.8).policy.revisions.get(version=0)
    proposal = approved(workspace, 0.7)
    roll_back(workspace, baseline)
    proposal.refresh_from_db()
    assert proposal.status == "SUPERSEDED"


def test_rollback__content_in_force_already__conflict():
    workspace = WorkspaceFactory()
    revision = applied(workspace, 0.8)
    with pytest.raises(Conflict, match="in force already"):
        roll_back(workspace, revision)


def test_rollback__policy_moved_on_since_the_page_was_read__conflict():
    workspace = WorkspaceFactory()
    baseline = applied(workspace, 0.8).policy.revisions.get(version=0)
    applied(workspace, 0.7)
    with pytest.raises(Conflict, match="version 2 now"):
        roll_back(workspace, baseline, expected_version=1)


def test_rollback__no_reason__refused():
    workspace = WorkspaceFactory()
    baseline = applied(workspace, 0.8).policy.revisions.get(version=0)
    with pytest.raises(InvalidInput, match="reason"):
        roll_back(workspace, baseline, reason="")


def test_rollback__definition_refuses_the_old_config_by_now__invalid_and_nothing_changes(monkeypatch):
    workspace = WorkspaceFactory()
    first = applied(workspace, 0.8)
    applied(workspace, 0.86)
    tighten(monkeypatch, minimum=0.85)
    with pytest.raises(InvalidInput):
        roll_back(workspace, first)
    assert resolve_threshold(workspace, KEY, FIELD) == 0.86


def test_apply__bootstrap__puts_the_defaults_on_record_and_changes_no_value():
    workspace = WorkspaceFactory()
    applied(workspace, 0.9, origin=Origin.BOOTSTRAP)
    assert history(workspace) == [(0, "BASELINE", 0.9), (1, "APPLY_PROPOSAL", 0.9)]


def test_apply__failing_halfway__leaves_no_trace(monkeypatch):
    """The last write of the transaction fails: policy, revisions, proposal and events are as before."""
    workspace = WorkspaceFactory()
    rival = pending(workspace, 0.85, origin=Origin.PERSON, author=admin_of(workspace))
    proposal = approved(workspace, 0.8)
    events = ProposalEvent.objects.count()
    create = ProposalEvent.objects.create

    def fail_on_the_rival(**fields):
        if fields["proposal"].pk == rival.pk:
            raise RuntimeError("The disk is full.")
        return create(**fields)

    monkeypatch.setattr(ProposalEvent.objects, "create", fail_on_the_rival)
    with pytest.raises(RuntimeError):
        apply(workspace, proposal)
    proposal.refresh_from_db()
    assert proposal.status == "APPROVED"
    assert history(workspace) == []
    assert not ConfidencePolicy.objects.exists()
    assert ProposalEvent.objects.count() == events
