"""The inspector reads through its indexes: PostgreSQL's planner says so."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.tests.browser import signed_in
from governance.tests.factories import WorkspaceFactory, viewer_of
from telemetry.models import AIInteraction
from telemetry.tests.inspected import many_calls

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's planner"),
]

LIST = reverse("admin:telemetry_aiinteraction_changelist")


INDEX_FOR = [
    ({}, "aiinteraction_time"),
    ({"period": "7d"}, "aiinteraction_time"),
    ({"model": "rare"}, "aiinteraction_model"),
    ({"feature": "rare"}, "aiinteraction_feature"),
    ({"provider": "rare"}, "aiinteraction_provider"),
    ({"status__exact": "error"}, "aiinteraction_errors"),
]


@pytest.fixture
def workspace():
    """A workspace with 20,000 calls: each hundredth failed, each thousandth is of a rare model."""
    workspace = WorkspaceFactory()
    many_calls(workspace, 20_000, days=300)
    rows = AIInteraction.objects.all()
    rows.update(status="ok")
    rows.filter(external_id__endswith="00").update(status="error")
    rows.filter(external_id__endswith="000").update(model="rare", feature_id="rare", provider="rare")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE telemetry_aiinteraction")
    return workspace


def plans(person, query) -> dict[str, str]:
    """Return the plan of each statement of the page that reads AI calls, by the statement."""
    client = signed_in(person)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(LIST, query).status_code == 200
    statements = [each["sql"] for each in captured if "telemetry_aiinteraction" in each["sql"]]
    found = {}
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(f"EXPLAIN {statement}")
            found[statement] = "\n".join(row[0] for row in cursor.fetchall())
    return found


def test_plans__each_filter__by_its_index_and_never_through_the_table(workspace):
    viewer = viewer_of(workspace)
    for query, index in INDEX_FOR:
        found = plans(viewer, query)
        # The page, the window, figures, bundles, and the values of three filters.
        assert len(found) == 7
        assert [plan for plan in found.values() if "Seq Scan on telemetry_aiinteraction" in plan] == []
        newest = next(plan for statement, plan in found.items() if statement.endswith("LIMIT 51"))
        assert f"using {index}" in newest or f"on {index}" in newest
        leaps = [plan for statement, plan in found.items() if "RECURSIVE" in statement]
        for name, plan in zip(("feature", "provider", "model"), leaps, strict=True):
            assert f"Index Only Scan using aiinteraction_{name}" in plan
