"""The second act: a decision model routes tickets through the gateway; one question is certified, another is not."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.core.management import call_command

from calibration.models import Recommendation
from confidence_project.demo.client import Host
from confidence_project.demo.model import QUESTIONS, Answered, ask_about, running_model
from confidence_project.demo.tickets import read_tickets
from governance.controls.services import set_audit_sampling
from governance.models import ConfidencePolicyProposal, Membership, Workspace
from governance.sampling_rates import SamplingRates
from governance.workflow import apply_confidence_policy_proposal, approve_confidence_policy_proposal
from governance.workspaces.services import add_member, create_workspace, issue_api_key
from ledger.gateway.services import bind_question, connect_model_server

POLICY_KEY, FIELD = "confidence_gate", "confidence_threshold"

Say = Callable[[str], None]


def tell(url: str, reviewer: User, superuser: User, say: Say) -> None:
    """Tell it over the server at `url`."""
    workspace, key = _workspace(reviewer, superuser)
    pilot, held_back = read_tickets()
    with running_model() as model:
        say(f"Workspace {workspace.slug}: a decision model (sparrow-decider) sorts tickets, and its own SDK asks it.")
        print(f"   Only the SDK's address is changed, to the gateway's: TypeSafeClient(base_url={url!r})")
        _connect(workspace, reviewer, superuser, model, len(pilot))
        answers = ask_about(url, key, pilot)
        _report(Host(url, key), answers)
        _print_pilot(answers)
        say("The opening review, a question at a time:")
        call_command("run_calibration", "--workspace", workspace.slug, "--policy-key", POLICY_KEY, stdout=io.StringIO())
        _print_findings(workspace)
        _apply(workspace, reviewer, superuser)
        after = ask_about(url, key, held_back)
    allowed = [each for each in after if each.verdict == "allow"]
    acted_on = ", ".join(f"{question} {sum(each.question == question for each in allowed)}" for question in QUESTIONS)
    wrong = sum(not each.right for each in allowed)
    print(f"   {len(held_back)} held-back tickets, then: acted on {acted_on}; {wrong} of these wrong.")


def _workspace(reviewer: User, superuser: User) -> tuple[Workspace, str]:
    number = Workspace.objects.filter(slug__startswith="tickets").count() + 1
    slug = "tickets" if number == 1 else f"tickets-{number}"
    workspace = create_workspace(actor=superuser, slug=slug, name="Tickets")
    add_member(actor=superuser, workspace=workspace, user=reviewer, role=Membership.Role.ADMIN)
    _, key = issue_api_key(actor=superuser, workspace=workspace, name="demo", scopes=["ingest", "decide"])
    return workspace, key


def _connect(workspace: Workspace, reviewer: User, superuser: User, model: str, tickets: int) -> None:
    common: dict[str, Any] = {"workspace": workspace, "reason": "Demo."}
    connect_model_server(actor=superuser, dialect="system_one", url=model, provider="sparrow", **common)
    bind_question(actor=reviewer, question="", policy_key=POLICY_KEY, **common)
    # While the pilot runs, a person looks at everything that is blocked: so labels exist below the threshold, too.
    set_audit_sampling(actor=reviewer, policy_key=POLICY_KEY, rates=SamplingRates(Decimal(1)), **common)
    opening = ["--opening-decisions", str(tickets * len(QUESTIONS)), "--reason", "Demo."]
    arguments = ["--workspace", workspace.slug, "--policy-key", POLICY_KEY, *opening]
    call_command("set_review_calendar", *arguments, stdout=io.StringIO())


def _report(host: Host, answers: Sequence[Answered]) -> None:
    host.send(
        "/api/v1/outcomes",
        [
            {
                "external_id": f"{each.decision_id}-label",
                "decision_id": each.decision_id,
                "success": each.right,
                "source": "human_review",
            }
            for each in answers
        ],
    )


def _print_pilot(answers: Sequence[Answered]) -> None:
    said = {(each.ticket.number, each.question): each.says_refund for each in answers}
    right = sum(each.right for each in answers if each.question == "intent")
    tickets = {each.ticket.number for each in answers}
    contradicts = sum(said[number, "refund"] is not said[number, "no_refund"] for number in tickets)
    print(f"   {len(tickets):,} tickets: its choice “intent” is right on {right:,}.")
    print(f"   Its answers to “refund” and to the negation of it contradict each other on {contradicts:,}.")


def _print_findings(workspace: Workspace) -> None:
    found_here = Recommendation.objects.in_workspace(workspace).filter(policy_key=POLICY_KEY, field=FIELD)
    for found in found_here.order_by("pk"):
        question = found.segment["task"]
        if found.recommended is None:
            print(f"   {question}: refused, nothing can be promised.")
        else:
            print(f"   {question}: certified, threshold {found.current:.4f} → {found.recommended:.4f}.")


def _apply(workspace: Workspace, reviewer: User, superuser: User) -> None:
    proposal = ConfidencePolicyProposal.objects.in_workspace(workspace).get(
        policy_key=POLICY_KEY, status=ConfidencePolicyProposal.Status.PENDING
    )
    known: dict[str, Any] = {"workspace": workspace, "proposal_id": proposal.pk}
    approve_confidence_policy_proposal(actor=reviewer, **known, acknowledge_large_step=True)
    apply_confidence_policy_proposal(actor=superuser, **known)
