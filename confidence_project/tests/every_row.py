"""A workspace with a row of everything that the admin shows, for tests that ask who sees it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.db import models
from django.urls import URLResolver

from calibration.candidates.registering import register_candidate, withdraw_candidate
from calibration.engines.declaring import declare_engine
from calibration.models import AnswersAlarm, PolicyAlarm, PolicyLook
from calibration.reviews.setting import set_review_calendar
from calibration.standing_costs import set_standing_costs
from confidence_project.desk.tests.calibrated import calibrated
from governance.admin.policy_keys import EXAMPLE
from governance.controls.retention import place_legal_hold, set_retention
from governance.controls.services import block_source, engage_kill_switch, set_audit_sampling
from governance.models import WebhookEndpoint, Workspace
from governance.people.groups import let_group_in
from governance.people.invitations import invite
from governance.policies.keys import confirm_policy_key, propose_policy_key
from governance.sampling_rates import SamplingRates
from governance.tests.callers import Caller
from governance.tests.factories import (
    KEY,
    SuperuserFactory,
    UserFactory,
    WorkspaceFactory,
    admin_of,
    config_of,
    in_shadow,
    pending,
    viewer_of,
)
from governance.workflow import apply_confidence_policy_proposal, approve_confidence_policy_proposal
from governance.workflow.commenting import comment_on_proposal
from governance.workspaces.names import declare_name
from governance.workspaces.services import issue_api_key, rename_workspace
from ledger.gateway.services import bind_question
from ledger.labelling.answering import answer_task
from ledger.labelling.assigning import assign_labels
from ledger.labelling.queue import next_task
from ledger.labelling.rules import mark_known, set_labelling_rules
from ledger.models import DecisionImport, DecisionRecord, LedgerRemoval, ModelServer, Question, SavedMapping
from ledger.reviews import last_seen, record_review
from ledger.tests.factories import RECORDED_AT, DecisionRecordFactory, LedgerAmendmentFactory
from telemetry.evaluators import declare_evaluator
from telemetry.tests import bodies


def furnish(workspace: Workspace) -> None:
    """Fill a workspace; the name that its rows carry is its slug."""
    operator = admin_of(workspace)
    common = {"actor": operator, "workspace": workspace}
    WebhookEndpoint.objects.create(
        workspace=workspace, url="https://hooks.example.org/", secret="whsec_", events=["proposal.opened"],
        created_at=RECORDED_AT,
    )  # fmt: skip
    calibrated(workspace)
    LedgerAmendmentFactory(decision__workspace=workspace)
    _governed(workspace)
    _recorded(workspace)
    DecisionImport.objects.create(
        workspace=workspace, status="COMPLETE", file_name="history.csv", mapping={}, started_at=RECORDED_AT,
        finished_at=RECORDED_AT,
    )  # fmt: skip
    # By its name: tests of the desk furnish, too, and the desk stands below.
    apps.get_model("evidence_pack.EvidencePack").objects.create(
        workspace=workspace, policy_key=KEY, since=RECORDED_AT, until=RECORDED_AT, seed="seed", decisions=1,
        status="COMPLETE", asked_at=RECORDED_AT,
    )  # fmt: skip
    LedgerRemoval.objects.create(
        workspace=workspace, kind="erasure", decisions=1, rows=1, occurred_from=RECORDED_AT, occurred_to=RECORDED_AT,
        recorded_to=RECORDED_AT, policy_keys=[KEY], leaves_sha256="0" * 64, reason="Smoke.", at=RECORDED_AT,
    )  # fmt: skip
    SavedMapping.objects.create(workspace=workspace, name="tickets", mapping={"columns": {"confidence": "conf"}})
    Question.objects.create(workspace=workspace, task="route", type="predicate", asked_since=RECORDED_AT)
    issue_api_key(**common, name="a machine", scopes=["read"])
    rename_workspace(**common, name=f"Renamed {workspace.slug}")
    block_source(**common, kind="model", value=f"model-of-{workspace.slug}", reason="Smoke.")
    set_audit_sampling(**common, policy_key=KEY, rates=SamplingRates(Decimal("0.1")), reason="Smoke.")
    set_retention(**common, days=365, reason="Smoke.")
    place_legal_hold(**common, reason="Smoke.")
    watched = {**common, "policy_key": "followup.auto_book", "reason": "Smoke."}
    set_review_calendar(**watched)
    set_audit_sampling(**watched, rates=SamplingRates(Decimal("0.1")))
    candidate = register_candidate(**watched, threshold=0.5)
    withdraw_candidate(actor=common["actor"], candidate=candidate, reason="Smoke.")
    set_standing_costs(**common, policy_key=KEY, false_allow=20, false_block=1, review=3, reason="Smoke.")
    columns = {"external_id": "id", "decided_at": "at", "confidence": "c"}
    constants = {"policy_key": KEY, "provider": "acme", "model": "m1"}
    declare_engine(
        **common,
        name="lake",
        kind="duckdb",
        address_variable="CONFIDENCE_ENGINE_LAKE",
        decisions="*.parquet",
        mapping={"columns": columns, "outcome_columns": {"success": "ok"}, "constants": constants},
        reason="Smoke.",
    )
    let_group_in(actor=SuperuserFactory(), workspace=workspace, group=f"group of {workspace.slug}", role="viewer")
    invite(actor=SuperuserFactory(), workspace=workspace, name=f"Somebody of {workspace.slug}")
    declare_name(**common, kind="model", name=f"model of {workspace.slug}")
    declare_evaluator(**common, name=f"judge of {workspace.slug}", passing_labels=["fine"], reason="Smoke.")
    bind_question(**common, question=f"question-of-{workspace.slug}", policy_key=KEY, reason="Smoke.")
    set_labelling_rules(**common, policy_key=KEY, reason="Smoke.", confirms_wrong=True)
    drawn = DecisionRecordFactory(
        workspace=workspace,
        gate_verdict="block",
        gate_reason="llm_refusal",
        audit_selected=True,
        label_propensity="0.05",
    )
    mark_known(actor=operator, decision=drawn, success=True, reason="Smoke.")
    claim = next_task(person=operator, workspace=workspace).claim
    answer_task(person=operator, workspace=workspace, claim_id=claim.pk, answer="right")
    assigned = DecisionRecordFactory(
        workspace=workspace, gate_verdict="block", audit_selected=True, label_propensity="0.05"
    )
    assign_labels(**{**common, "person": operator, "days": 7, "decision": assigned})
    ModelServer.objects.create(
        workspace=workspace, dialect="openai", url="https://models.example.org/", provider="acme", reason="Smoke.",
        started_at=RECORDED_AT,
    )  # fmt: skip
    text = EXAMPLE.replace("claims.auto_pay", f"key-of-{workspace.slug}")
    made = propose_policy_key(actor=SuperuserFactory(), text=text, reason="Smoke.")
    confirm_policy_key(actor=SuperuserFactory(), proposed_id=made.pk, reason="Smoke.")
    engage_kill_switch(**common, reason="Smoke.")


def _governed(workspace: Workspace) -> None:
    alone = {"actor": SuperuserFactory(), "workspace": workspace, "break_glass": True, "reason": "Fire."}
    proposal = pending(workspace, 0.8, origin="bootstrap")
    known = {"proposal_id": proposal.pk, "acknowledge_uncertified": True}
    approve_confidence_policy_proposal(**alone, **known, acknowledge_large_step=True)
    revision = apply_confidence_policy_proposal(**alone, **known)
    in_shadow(workspace, policy_key="decision_gate", config={"values": {"llm_confidence_threshold": 0.7}})
    comment_on_proposal(actor=SuperuserFactory(), workspace=workspace, proposal_id=proposal.pk, text="A remark.")
    pending(workspace, config=config_of(0.75))
    look = PolicyLook.objects.create(
        revision=revision, workspace=workspace, day=RECORDED_AT.date(), labelled=1, failures=1, alpha=0.05,
        delta=0.05, log_e_value=3.0, at=RECORDED_AT,
    )  # fmt: skip
    PolicyAlarm.objects.create(revision=revision, workspace=workspace, look=look, raised_at=RECORDED_AT)
    AnswersAlarm.objects.create(
        revision=revision, workspace=workspace, segment="{}", since=RECORDED_AT.date(), until=RECORDED_AT.date(),
        answers_before=200, answers_after=100, unanswered_before=0, unanswered_after=50, psi=1.0, p_value=0.0001,
        raised_at=RECORDED_AT,
    )  # fmt: skip


def _recorded(workspace: Workspace) -> None:
    caller = Caller(workspace)
    sent = {
        "interactions": bodies.interaction(),
        "drafts": bodies.draft(external_id="draft"),
        "sentiments": bodies.sentiment(draft="draft"),
        "overseer-decisions": bodies.overseer_decision(),
        "bookings": bodies.booking(),
    }
    for route, body in sent.items():
        reply = caller.post(route, body)
        assert reply.status_code == 201, (route, reply.content)
    spans = [{"attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": f"plan-of-{workspace.slug}"}}]}]
    export = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
    assert caller.client.post("/v1/traces", export, content_type="application/json").json() == {}
    decision = DecisionRecord.objects.filter(workspace=workspace, llm_confidence__isnull=False).first()
    record_review(actor=admin_of(workspace), decision=decision, success=True, seen=last_seen(decision))


def row_of(model: type[models.Model], workspace: Workspace) -> Any:
    """A row of `model` in `workspace`."""
    if model is Workspace:
        return workspace
    row = model._default_manager.filter(workspace=workspace).order_by("-pk").first()
    assert row is not None, f"furnish() makes no row of {model._meta.label}: add one"
    return row


def rows_written(workspace: Workspace) -> dict[str, list[Any]]:
    """Everything that people can change about a workspace, to see that nothing was."""
    owned = [model for model in apps.get_models() if "workspace" in {field.name for field in model._meta.fields}]
    return {
        "workspace": list(Workspace.objects.filter(pk=workspace.pk).values()),
        **{
            model._meta.label: list(model._default_manager.filter(workspace=workspace).order_by("pk").values())
            for model in owned
        },
    }


OUTSIDERS = {
    "viewer of another workspace": lambda: viewer_of(WorkspaceFactory()),
    "admin of another workspace": lambda: admin_of(WorkspaceFactory()),
    "staff without a workspace": lambda: UserFactory(),
}
"""People who have no business in the workspace that is looked at."""


def walk(patterns: Iterable[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Give every route below `patterns`, with its pattern."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, route)
        else:
            yield route, pattern
