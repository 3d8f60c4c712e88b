"""How long the server takes for the pages of the admin when the ledger is large, beside the 200 ms that it may take.

`CONFIDENCE_BENCH_PAGE_ROWS` holds the number of decisions (default: 10000000, which take some ten minutes to make and
about 12 GB of disk), in three workspaces. On a database that holds them already, they are not made again.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.http import urlencode

from benchmarks.generated import START, WINDOW, fill
from calibration.models import ConfidenceCalibrationRun
from calibration.runner import run_calibration
from governance.models import ConfidencePolicy, ConfidencePolicyProposal, Membership, Workspace
from ledger.models import DecisionRecord
from ledger.reasons import Reason
from ledger.selectors import recorded_between

SHARES = {"large": 0.7, "medium": 0.2, "small": 0.1}
LIMIT = 0.2
ROUNDS = 9
RARE = {"model": "retired-1", "provider": "retired", "prompt_hash": "f" * 64, "policy_key": "auto_send"}
RARE_REASON = Reason.AUTOMATION_DISABLED.value
DECISIONS = "admin:ledger_decisionrecord_changelist"


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of the rounds, and the number of queries of one."""

    seconds: list[float]
    queries: int

    @property
    def is_slow(self) -> bool:
        return max(self.seconds) > LIMIT


def main() -> None:
    """Print one line for each page and person."""
    call_command("migrate", verbosity=0)
    rows = int(os.environ.get("CONFIDENCE_BENCH_PAGE_ROWS", "10000000"))
    workspaces = {slug: _filled(slug, round(rows * share)) for slug, share in SHARES.items()}
    print(f"{connection.vendor}, {DecisionRecord.objects.count():,} decisions, {ROUNDS} rounds after a first one")
    print(f"{'':52}{'median':>9}{'worst':>9}{'queries':>9}")
    timings = []
    for who, person in _people(workspaces).items():
        client = Client(headers={"host": "localhost"})
        client.force_login(person)
        for what, address in _explorer(workspaces["large"]).items():
            timings.append(_report(f"{what}, {who}", client, address))
        for what, address in _desk(workspaces["large"]).items():
            timings.append(_report(f"{what}, {who}", client, address))
    slow = sum(timing.is_slow for timing in timings)
    print(f"{len(timings)} pages, of which {slow} took longer than {LIMIT * 1000:.0f} ms in any round")


def _filled(slug: str, rows: int) -> Workspace:
    """A workspace with decisions, a few of which have values that no other has, a policy, and a calibration run."""
    workspace, _ = Workspace.objects.get_or_create(slug=slug, defaults={"name": slug.capitalize()})
    if not DecisionRecord.objects.filter(workspace=workspace).exists():
        fill(workspace, rows)
    if not DecisionRecord.objects.filter(workspace=workspace, model=RARE["model"]).exists():
        _add_rare(workspace)
    if not ConfidenceCalibrationRun.objects.filter(workspace=workspace).exists():
        ConfidencePolicy.objects.get_or_create(
            workspace=workspace,
            policy_key="confidence_gate",
            defaults={"version": 1, "config": {"values": {"confidence_threshold": 0.8}}},
        )
        run_calibration(
            workspace=workspace,
            policy_keys=["confidence_gate"],
            window_from=START,
            window_to=START + WINDOW,
            maturity_days=0,
        )
    return workspace


def _add_rare(workspace: Workspace) -> None:
    """Three decisions at the far end of the list."""
    oldest = DecisionRecord.objects.filter(workspace=workspace).order_by("pk").first()
    for place in range(1, 4):
        DecisionRecord.objects.create(
            decision_id=type(oldest.pk)(int=oldest.pk.int - place),
            workspace=workspace,
            timestamp=oldest.timestamp,
            occurred_at=oldest.occurred_at,
            gate_verdict="block",
            gate_reason=RARE_REASON,
            schema_version="1",
            schema_valid=True,
            **RARE,
        )


def _people(workspaces: Mapping[str, Workspace]) -> dict[str, User]:
    """A member of one workspace, one of all, and a superuser."""
    people = {name: _person(name, is_superuser=name == "superuser") for name in ("member", "auditor", "superuser")}
    belongs = {"member": [workspaces["large"]], "auditor": list(workspaces.values())}
    for name, whose in belongs.items():
        for workspace in whose:
            Membership.objects.get_or_create(
                user=people[name], workspace=workspace, defaults={"role": Membership.Role.VIEWER}
            )
    return {"member of one": people["member"], "of three": people["auditor"], "superuser": people["superuser"]}


def _person(name: str, *, is_superuser: bool) -> User:
    person, _ = get_user_model().objects.get_or_create(
        username=f"bench-{name}", defaults={"is_staff": True, "is_superuser": is_superuser}
    )
    return person


def _explorer(workspace: Workspace) -> dict[str, str]:
    """What the ledger explorer is asked, by name."""
    rows = DecisionRecord.objects.filter(workspace=workspace).order_by("-pk")
    deep = recorded_between(rows, None, START + WINDOW / 10).first()
    common = {"verdict": "block", "reason": "llm_confidence_below_threshold", "policy_key": "confidence_gate"}
    common |= {"provider": "acme", "model": "small", "prompt_hash": deep.prompt_hash}
    rare = {"reason": RARE_REASON, **RARE}
    day = {"from": (START + WINDOW / 3).isoformat(), "to": (START + WINDOW / 3 + timedelta(days=1)).isoformat()}
    asked: dict[str, dict[str, Any]] = {
        "first page": {},
        "page at nine tenths": {"after": deep.pk},
        "page back from there": {"before": deep.pk},
        **{f"{name}, common": {name: value} for name, value in common.items()},
        **{f"{name}, deep": {name: value, "after": deep.pk} for name, value in common.items()},
        **{f"{name}, rare": {name: value} for name, value in rare.items()},
        **{f"{name}, none": {name: "no-such"} for name in rare},
        "one day": day,
        "one day, model": {**day, "model": "vision"},
        "one day, no such reason": {**day, "reason": "no-such"},
        "last 24 hours": {"period": "24h"},
        "model and reason": {"model": "vision", "reason": "kill_switch"},
        "policy key and verdict": {"policy_key": "confidence_gate", "verdict": "allow"},
        "search by id": {"q": deep.pk},
        "search by an id of the host": {"q": "no-such"},
    }
    return {
        **{what: list_of(query, workspace) for what, query in asked.items()},
        "record": reverse("admin:ledger_decisionrecord_change", args=[deep.pk]),
    }


def list_of(query: Mapping[str, Any], workspace: Workspace) -> str:
    return f"{reverse(DECISIONS)}?{urlencode({'workspace': workspace.slug, **query})}"


def _desk(workspace: Workspace) -> dict[str, str]:
    """The other pages that look at decisions or at what was found in them."""
    outcomes = reverse("admin:ledger_decisionoutcome_changelist")
    models = {"policy": ConfidencePolicy, "run": ConfidenceCalibrationRun, "proposal": ConfidencePolicyProposal}
    rows = {name: model.objects.filter(workspace=workspace).first() for name, model in models.items()}
    pages = {
        f"{name} page": reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
        for name, row in rows.items()
        if row is not None
    }
    return {
        "home": reverse("admin:index"),
        "outcomes": f"{outcomes}?workspace={workspace.slug}",
        "failures": f"{outcomes}?workspace={workspace.slug}&success__exact=0",
        "runs": reverse("admin:calibration_confidencecalibrationrun_changelist"),
        "proposals": reverse("admin:governance_confidencepolicyproposal_changelist"),
        **pages,
    }


def _report(what: str, client: Client, address: str) -> Timing:
    timing = timed(client, address)
    median, worst = (seconds * 1000 for seconds in (statistics.median(timing.seconds), max(timing.seconds)))
    mark = " !" if timing.is_slow else ""
    print(f"{what:52}{median:>6.0f} ms{worst:>6.0f} ms{timing.queries:>9}{mark}", flush=True)
    return timing


def timed(client: Client, address: str) -> Timing:
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address, secure=True)
    assert answer.status_code == 200, (address, answer.status_code)
    # The next request empties the log of queries.
    number, seconds = len(queries), []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        client.get(address, secure=True)
        seconds.append(time.perf_counter() - started)
    return Timing(seconds, number)
