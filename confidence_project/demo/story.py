"""The story that `make demo` tells: one turn of the loop with its numbers, and what it leaves for the newcomer."""

from __future__ import annotations

import io
import itertools
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.core.management import call_command

from calibration.models import Recommendation
from confidence_project.demo import last_act, second_act
from confidence_project.demo.client import Host, running_server
from confidence_project.demo.digits import Reading, read_digits
from governance.models import ConfidencePolicyProposal, ConfidencePolicyRevision, Membership, Workspace
from governance.policies import resolve_threshold
from governance.workflow import (
    apply_confidence_policy_proposal,
    approve_confidence_policy_proposal,
    rollback_confidence_policy_revision,
)
from governance.workspaces.services import add_member, create_workspace, issue_api_key

POLICY_KEY, FIELD = "confidence_gate", "confidence_threshold"
OTHER_KEY = "decision_gate"
TARGET, SURENESS = 0.05, 0.95

_steps = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Accounts:
    """Who acts in the story, and the passwords to print at its end."""

    reviewer: User
    superuser: User
    passwords: dict[str, str]


def tell() -> None:
    """Run the whole loop on the database of DATABASE_URL, in a workspace of its own."""
    print(__doc__.splitlines()[0], end="\n\n")
    accounts = _accounts()
    workspace, key = _workspace(accounts)
    calibration, held_back = read_digits()
    _set_calendars(workspace, len(calibration))
    with running_server() as url:
        host = Host(url, key)
        _gather_evidence(host, calibration)
        proposal = _calibrate(workspace)
        before = _decide_held_back(host, held_back, series="before")
        _approve_and_apply(workspace, accounts, proposal)
        after = _decide_held_back(host, held_back, series="after")
        _compare(workspace, held_back, before, after)
        _roll_back(workspace, accounts, host, held_back)
        _leave_work(workspace, accounts, host, calibration)
        second_act.tell(url, accounts.reviewer, accounts.superuser, _say)
    last_act.tell(workspace, POLICY_KEY, _say)
    _sign_in_lines(workspace, accounts)


def _say(text: str) -> None:
    print(f"\n{next(_steps)}. {text}", flush=True)


def _accounts() -> Accounts:
    passwords = {name: secrets.token_urlsafe(12) for name in ("reviewer", "superuser")}
    return Accounts(
        reviewer=_account("reviewer", passwords["reviewer"], is_superuser=False),
        superuser=_account("superuser", passwords["superuser"], is_superuser=True),
        passwords=passwords,
    )


def _account(name: str, password: str, *, is_superuser: bool) -> User:
    user, _ = User.objects.get_or_create(username=name)
    user.is_staff, user.is_superuser = True, is_superuser
    user.set_password(password)
    user.save()
    return user


def _workspace(accounts: Accounts) -> tuple[Workspace, str]:
    number = Workspace.objects.filter(slug__startswith="digits").count() + 1
    slug = "digits" if number == 1 else f"digits-{number}"
    workspace = create_workspace(actor=accounts.superuser, slug=slug, name="Handwritten digits")
    add_member(actor=accounts.superuser, workspace=workspace, user=accounts.reviewer, role=Membership.Role.ADMIN)
    _, key = issue_api_key(actor=accounts.superuser, workspace=workspace, name="demo", scopes=["ingest", "decide"])
    _say(f"Workspace {slug}: a reviewer (workspace admin), a superuser, an API key with the scopes ingest and decide.")
    return workspace, key


def _set_calendars(workspace: Workspace, decisions: int) -> None:
    """Before anything is known: when a threshold may be lowered, so that no look can choose the moment."""
    asked = ["--workspace", workspace.slug, "--opening-decisions", str(decisions)]
    _say(f"Only a review may lower a threshold, four a year; the first is over the first {decisions:,} decisions:")
    print(f"   manage.py set_review_calendar --policy-key {POLICY_KEY} {' '.join(asked)} --reason …")
    for key in (POLICY_KEY, OTHER_KEY):
        call_command("set_review_calendar", "--policy-key", key, *asked, "--reason", "Demo.", stdout=io.StringIO())


def _gather_evidence(host: Host, readings: Sequence[Reading]) -> None:
    _say("Two classifiers read digits that they have not seen; the gate is asked whether each may be filed unseen.")
    verdicts = host.decide(POLICY_KEY, readings, series="evidence")
    host.report_outcomes(readings, series="evidence")
    print(f"   {len(readings):,} decisions and their outcomes over HTTP, under the default threshold 0.90:")
    _print_rates([("model", "asked", "allowed", "failed of these")], readings, [verdicts])


def _calibrate(workspace: Workspace) -> ConfidencePolicyProposal:
    arguments = ["--workspace", workspace.slug, "--policy-key", POLICY_KEY]
    _say(f"The opening review: how low may the threshold be?  manage.py run_calibration {' '.join(arguments)}\n")
    call_command("run_calibration", *arguments)
    return _pending(workspace)


def _pending(workspace: Workspace) -> ConfidencePolicyProposal:
    return ConfidencePolicyProposal.objects.in_workspace(workspace).get(
        policy_key=POLICY_KEY, status=ConfidencePolicyProposal.Status.PENDING
    )


def _decide_held_back(host: Host, readings: Sequence[Reading], *, series: str) -> list[dict[str, Any]]:
    verdicts = host.decide(POLICY_KEY, readings, series=series)
    host.report_outcomes(readings, series=series)
    return verdicts


def _approve_and_apply(workspace: Workspace, accounts: Accounts, proposal: ConfidencePolicyProposal) -> None:
    approve_confidence_policy_proposal(actor=accounts.reviewer, workspace=workspace, proposal_id=proposal.pk)
    _say(f"The reviewer approves “{proposal.title}” on its evidence (SHA-256 {proposal.evidence_sha256[:12]}…).")
    revision = apply_confidence_policy_proposal(actor=accounts.superuser, workspace=workspace, proposal_id=proposal.pk)
    print(f"   The superuser applies it: {POLICY_KEY} is at version {revision.version}.")


def _compare(
    workspace: Workspace,
    readings: Sequence[Reading],
    before: list[dict[str, Any]],
    after: list[dict[str, Any]],
) -> None:
    _say(
        f"The same {len(readings):,} held-back digits, decided before and after. They took no part in the calibration."
    )
    header = ("model", "asked", "allowed at 0.90", "failed of these", "allowed now", "failed of these")
    _print_rates([header], readings, [before, after])
    for found in Recommendation.objects.in_workspace(workspace).filter(policy_key=POLICY_KEY, field=FIELD):
        model = found.segment.get("model", "all models")
        if found.recommended is None:
            print(f"   {model}: nothing can be promised, so nothing changed. A person may block it in the admin.")
        else:
            print(
                f"   {model}: threshold {found.current:.4f} → {found.recommended:.4f}; promised, with {SURENESS:.0%} "
                f"confidence: at most {TARGET:.0%} of what it allows fails, as far as outcomes are known."
            )


def _roll_back(workspace: Workspace, accounts: Accounts, host: Host, readings: Sequence[Reading]) -> None:
    baseline = ConfidencePolicyRevision.objects.in_workspace(workspace).get(policy_key=POLICY_KEY, version=0)
    revision = rollback_confidence_policy_revision(
        actor=accounts.superuser,
        workspace=workspace,
        revision_id=baseline.pk,
        reason="Demo: show the way back.",
        acknowledge_uncertified=True,
    )
    (verdict,) = host.decide(POLICY_KEY, readings[:1], series="rolled-back")
    threshold = resolve_threshold(workspace, POLICY_KEY, FIELD, provider="scikit-learn", model=readings[0].model)
    _say(
        f"The superuser rolls back: version {revision.version} has the content of version 0. The next decision was "
        f"made under version {verdict['policy_version']}, threshold {threshold:.2f}."
    )


def _leave_work(workspace: Workspace, accounts: Accounts, host: Host, readings: Sequence[Reading]) -> None:
    host.decide(OTHER_KEY, readings, series="with-risk")
    host.report_outcomes(readings, series="with-risk")
    keys = ["--policy-key", POLICY_KEY, "--policy-key", OTHER_KEY]
    call_command("run_calibration", "--workspace", workspace.slug, *keys, "--again", stdout=io.StringIO())
    approved = _pending(workspace)
    approve_confidence_policy_proposal(actor=accounts.reviewer, workspace=workspace, proposal_id=approved.pk)
    _say("The same review once more, which finds the same, and the first one of a second policy leave work for you:")
    for proposal in ConfidencePolicyProposal.objects.in_workspace(workspace).filter(
        status__in=ConfidencePolicyProposal.OPEN
    ):
        print(f"   {proposal.status.lower():9} {proposal.title}")


def _sign_in_lines(workspace: Workspace, accounts: Accounts) -> None:
    _say(f"Now you: `make run`, then sign in at http://localhost:8000/admin/ (workspace {workspace.slug})")
    print(f"   reviewer   {accounts.passwords['reviewer']}   approves and rejects")
    print(f"   superuser  {accounts.passwords['superuser']}   applies and rolls back")
    print("   As the reviewer open the proposal that waits for you, read its sentence and pictures, and press Approve.")
    print("   As the superuser, in a private window, press Apply; the way back is on the page of the policy.")


def _print_rates(
    header: list[tuple[str, ...]], readings: Sequence[Reading], verdicts: Sequence[list[dict[str, Any]]]
) -> None:
    rows = [*header]
    for model in dict.fromkeys(reading.model for reading in readings):
        mine = [index for index, reading in enumerate(readings) if reading.model == model]
        cells = [model, f"{len(mine):,}"]
        for series in verdicts:
            allowed = [index for index in mine if series[index]["verdict"] == "allow"]
            failed = sum(not readings[index].right for index in allowed)
            rate = f" ({failed / len(allowed):.1%})" if allowed else ""
            cells += [f"{len(allowed):,} ({len(allowed) / len(mine):.1%})", f"{failed:,}{rate}"]
        rows.append(tuple(cells))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("   " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
