"""Pages of every list: of one workspace, in both directions, and read from the index of that workspace."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from confidence_project.tests.routes import LISTS
from governance.models import Workspace
from governance.tests.callers import Caller
from governance.tests.factories import SuperuserFactory, UserFactory, WorkspaceFactory, applied, viewer_of
from ledger.models import DecisionOutcome, DecisionRecord
from ledger.models.decisions import new_decision_id
from ledger.tests.factories import RECORDED_AT, DecisionRecordFactory
from telemetry.models import AIDraft, AIInteraction, FollowUpBooking, InboundMessage, MeetingOverseerDecision

pytestmark = pytest.mark.django_db

INDEX_OF = {
    "decisions": "ledger_by_workspace",
    "decisions?verdict=block": "ledger_by_verdict",
    "decisions?reason=kill_switch": "ledger_by_reason",
    "decisions?policy_key=decision_gate": "ledger_by_policy_key",
    "decisions?provider=provider-3": "ledger_by_provider",
    "decisions?model=model-3": "ledger_by_model",
    "decisions?prompt_hash=" + "3" * 64: "ledger_by_prompt_hash",
    "outcomes": "outcome_by_workspace",
    "interactions": "aiinteraction_page",
    "drafts": "aidraft_page",
    "sentiments": "inboundmessage_page",
    "overseer-decisions": "meetingoverseerdecision_page",
    "bookings": "followupbooking_page",
}
MODEL_OF = {
    "decisions": DecisionRecord,
    "outcomes": DecisionOutcome,
    "interactions": AIInteraction,
    "drafts": AIDraft,
    "sentiments": InboundMessage,
    "overseer-decisions": MeetingOverseerDecision,
    "bookings": FollowUpBooking,
}
PATHS = list(MODEL_OF)


def store(workspace: Workspace, rows: int) -> None:
    """Store so many records of each kind."""
    decisions = DecisionRecord.objects.bulk_create(
        DecisionRecordFactory.build(
            decision_id=new_decision_id(),
            workspace=workspace,
            gate_verdict="allow" if place % 3 else "block",
            gate_reason="allowed" if place % 3 else "kill_switch",
            policy_key="confidence_gate" if place % 3 else "decision_gate",
            provider=f"provider-{place % 4}",
            model=f"model-{place % 5}",
            prompt_hash=f"{place % 6}" * 64,
        )
        for place in range(rows)
    )
    DecisionOutcome.objects.bulk_create(
        DecisionOutcome(
            decision=each, workspace=workspace, sequence=1, success=True, source="booking",
            observed_at=RECORDED_AT, recorded_at=RECORDED_AT, reporter="host",
        )
        for each in decisions
    )  # fmt: skip
    drafts = AIDraft.objects.bulk_create(AIDraft(workspace=workspace, action="hold") for _ in range(rows))
    InboundMessage.objects.bulk_create(
        InboundMessage(workspace=workspace, draft=each, sentiment="neutral") for each in drafts
    )
    MeetingOverseerDecision.objects.bulk_create(
        MeetingOverseerDecision(workspace=workspace, message_ref=uuid4().hex, stage="gate", decision="approve")
        for _ in range(rows)
    )
    for model in (AIInteraction, FollowUpBooking):
        model.objects.bulk_create(model(workspace=workspace) for _ in range(rows))


@pytest.fixture
def idle() -> Caller:
    """A caller whose workspace was filled before another one: that one's records are newer, and in the way."""
    workspaces = WorkspaceFactory(), WorkspaceFactory()
    for workspace in workspaces:
        store(workspace, rows=300)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        if connection.vendor == "postgresql":
            # It plans for these few rows as for millions: by an index that holds the order, if there is one.
            for way in ("seqscan", "bitmapscan", "sort", "incremental_sort"):
                cursor.execute(f"SET LOCAL enable_{way} = off")
    return Caller(workspaces[0])


def plan_of(caller: Caller, path: str) -> tuple[str, dict[str, str]]:
    """How the database reads a page of 20, and the page."""
    with CaptureQueriesContext(connection) as queries:
        page = caller.get(path).json()
    assert page["results"]
    (sql,) = [each["sql"] for each in queries if "LIMIT 21" in each["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(("EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN ") + sql)
        return "\n".join(str(row[-1]) for row in cursor.fetchall()), page


@pytest.mark.parametrize("path", INDEX_OF)
def test_page__of_a_workspace_that_was_idle__does_not_pass_over_the_records_of_another(idle, path):
    first, page = plan_of(idle, f"{path}{'&' if '?' in path else '?'}page_size=20")
    later, page = plan_of(idle, page["next"])
    back, _ = plan_of(idle, page["previous"])
    for plan in (first, later, back):
        assert INDEX_OF[path] in plan
        # Rows of several months are merged by their order; "Sort Key" is said of that, too.
        assert "Sort  (cost" not in plan
        assert "TEMP B-TREE" not in plan


def test_every_list_of_machines__is_among_those_looked_at():
    # What waits for labels is no list of records: it has an index of its own, and ends after those looked at.
    listed = {route for route in LISTS if "/governance/" not in route} - {"api/v1/labels/queue"}
    assert {f"api/v1/{path}" for path in PATHS} == listed


def walk(get, url: str, direction: str) -> list[list[dict[str, object]]]:
    """The pages from `url` on, each as it was answered."""
    pages, link = [], url
    while link:
        reply = get(link)
        assert reply.status_code == 200, reply.content
        pages.append(reply.json()["results"])
        link = reply.json()[direction]
    return pages


def walk_links(caller: Caller, url: str) -> list[str]:
    """The links of a list, from page to page."""
    links = []
    while url := caller.get(url).json()["next"]:
        links.append(url)
    return links


def cursor_of(position: object, *, back: bool = False) -> str:
    return base64.b64encode(f"{'r=1&' if back else ''}p={position}".encode()).decode()


@pytest.mark.parametrize("path", PATHS)
def test_pages__of_workspaces_whose_records_alternate__hold_each_own_record_once_newest_first(path):
    own, other = Caller(), Caller()
    for caller in (other, own, other, own, other):
        store(caller.workspace, rows=3)
    whole = own.get(path).json()
    assert (len(whole["results"]), whole["next"], whole["previous"]) == (6, None, None)
    pages = walk(own.get, f"{path}?page_size=4", "next")
    assert pages == [whole["results"][:4], whole["results"][4:]]
    last = own.get(own.get(f"{path}?page_size=4").json()["next"]).json()
    assert walk(own.get, last["previous"], "previous") == pages[:1]
    # A link of another workspace names a place between the caller's own records, and no record of the other's.
    for link in walk_links(other, f"{path}?page_size=4"):
        shown = [row for page in walk(own.get, link, "next") for row in page]
        assert shown == whole["results"][len(whole["results"]) - len(shown) :]


@pytest.mark.parametrize("path", PATHS)
def test_page__beyond_either_end__is_empty_and_links_back(path):
    caller = Caller()
    store(caller.workspace, rows=2)
    rows = caller.get(path).json()["results"]
    newest, oldest = MODEL_OF[path].objects.order_by("-pk").values_list("pk", flat=True)
    link = caller.get(path, page_size=1).json()["next"]
    assert parse_qs(urlsplit(link).query) == {"cursor": [cursor_of(newest)], "page_size": ["1"]}
    beyond = caller.get(path, cursor=cursor_of(oldest)).json()
    assert (beyond["results"], beyond["next"]) == ([], None)
    assert caller.get(beyond["previous"]).json()["results"] == rows[:1]
    before = caller.get(path, cursor=cursor_of(newest, back=True)).json()
    assert (before["results"], before["previous"]) == ([], None)
    assert caller.get(before["next"]).json()["results"] == rows[1:]


@pytest.mark.parametrize("who", ["member of both", "superuser"])
@pytest.mark.parametrize("name", ["proposals", "revisions"])
def test_pages__a_person_of_several_workspaces__are_of_the_one_that_the_path_names(name, who):
    workspaces = WorkspaceFactory(), WorkspaceFactory()
    for value in (0.8, 0.85, 0.82):
        for workspace in workspaces:
            applied(workspace, value)
    person = SuperuserFactory() if who == "superuser" else viewer_of(workspaces[0])
    if who != "superuser":
        workspaces[1].memberships.create(user=person, role="viewer")
    client, stranger = Client(), Client()
    client.force_login(person)
    stranger.force_login(UserFactory())
    for workspace in workspaces:
        url = f"/api/v1/governance/workspaces/{workspace.slug}/{name}"
        rows = [row for page in walk(client.get, f"{url}?page_size=1", "next") for row in page]
        assert rows == client.get(url).json()["results"]
        assert {row["workspace"] for row in rows} == {workspace.slug}
        ids = [row["id"] for row in rows]
        assert len(ids) >= 3
        assert ids == sorted(ids, reverse=True)
        assert stranger.get(url).status_code == 404
