"""Figures above the list of AI interactions: what the filter leaves, exact, bounded, of one workspace."""

from __future__ import annotations

import re

import numpy
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from governance.tests.browser import signed_in, words
from governance.tests.factories import SuperuserFactory, UserFactory, WorkspaceFactory, viewer_of
from telemetry.figures import figures_of
from telemetry.models import AIInteraction
from telemetry.tests.inspected import bundle, call, many_calls

pytestmark = pytest.mark.django_db

LIST = reverse("admin:telemetry_aiinteraction_changelist")


@pytest.fixture
def workspace():
    return WorkspaceFactory()


def page(person, **query):
    response = signed_in(person).get(LIST, query)
    assert response.status_code == 200
    return response


def figure(response, name):
    """Return what the page says under a name."""
    found = re.search(rf"<dt>{re.escape(name)}</dt><dd>(.*?)</dd>", response.content.decode(), re.DOTALL)
    assert found is not None
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", found[1])).strip()


@given(st.lists(st.floats(0, 1e12), min_size=1, max_size=40))
def test_percentiles__any_durations__as_numpy(durations):
    workspace = WorkspaceFactory()
    AIInteraction.objects.bulk_create(AIInteraction(workspace=workspace, duration_ms=each) for each in durations)
    found = figures_of(AIInteraction.objects.in_workspace(workspace))
    assert found.p50_ms == pytest.approx(numpy.percentile(durations, 50))
    assert found.p95_ms == pytest.approx(numpy.percentile(durations, 95))


def test_figures__of_a_filter__as_counted_in_python(workspace):
    calls = many_calls(workspace, 700)
    chosen = [each for each in calls if each.model == "model-3" and each.feature_id == "feature-1"]
    response = page(viewer_of(workspace), model="model-3", feature="feature-1")
    durations = [each.duration_ms for each in chosen if each.duration_ms is not None]
    shown = response.context["cl"].figures
    assert shown.calls == len(chosen) == 70
    assert shown.p95_ms == pytest.approx(numpy.percentile(durations, 95))
    assert figure(response, "Calls") == "70"
    assert figure(response, "Input tokens") == f"{sum(each.input_tokens for each in chosen):,}"
    assert figure(response, "Output tokens") == f"{sum(each.output_tokens for each in chosen):,}"
    assert figure(response, "Of the output, reasoning") == "– no call reports them"
    assert f"of {len(durations)} calls that say" in figure(response, "Median latency (p50)")


def test_figures__errors__a_rate_with_wilsons_interval(workspace):
    many_calls(workspace, 100)
    # 10 of 100: Brown, Cai and DasGupta (2001) and statsmodels' proportion_confint give 0.0552 to 0.1744.
    assert figure(page(viewer_of(workspace)), "Error rate") == "10 % 10 errors; 95 % interval 5.52 % to 17.4 %"


def test_figures__nothing_to_count__a_dash_with_its_reason(workspace):
    call(workspace)
    viewer = viewer_of(workspace)
    assert figure(page(viewer), "Median latency (p50)") == "– no call says how long it took"
    assert figure(page(viewer), "Input tokens") == "– no call reports them"
    nothing = page(viewer, model="unheard-of")
    assert figure(nothing, "Calls") == "0"
    assert figure(nothing, "Error rate") == "– no calls"
    assert figure(nothing, "Median latency (p50)") == "– no calls"


def test_figures__filter_without_a_start__say_that_they_cover_thirty_days(workspace):
    call(workspace, days_ago=31)
    call(workspace, days_ago=29)
    viewer = viewer_of(workspace)
    response = page(viewer)
    assert figure(response, "Calls") == "1"
    assert "30 days, as the filter names no start" in words(response)
    longer = page(viewer, period="90d")
    assert figure(longer, "Calls") == "2"
    assert "names no start" not in words(longer)


def test_figures__more_calls_than_are_read__cover_the_newest_and_say_so(workspace, monkeypatch):
    monkeypatch.setattr("telemetry.admin.interactions.MOST_CALLS", 100)
    calls = many_calls(workspace, 700)
    response = page(viewer_of(workspace))
    assert figure(response, "Calls") == "100"
    assert "the newest of more calls than are read at once" in words(response)
    newest = [each.duration_ms for each in calls[:100] if each.duration_ms is not None]
    assert response.context["cl"].figures.p50_ms == pytest.approx(numpy.percentile(newest, 50))


def test_bundles__many__shares_of_tokens_and_truncations(workspace):
    whole = {"tokens": 1500, "budget": 1500, "truncated": False}
    call(workspace, metadata=bundle())
    call(workspace, metadata=bundle(truncated=False, sections={"knowledge": whole}))
    call(workspace, metadata=bundle(truncated=None, sections={"knowledge": {"tokens": None, "truncated": None}}))
    call(workspace, metadata={"followupParse": {"confidence": 0.5}})
    call(workspace)
    response = page(viewer_of(workspace))
    totals = response.context["cl"].bundles
    assert (totals.calls, totals.truncated, totals.judged) == (3, 1, 2)
    found = {each.name: (each.tokens, each.calls, each.truncated, each.judged) for each in totals.sections}
    assert found == {"knowledge": (2000, 2, 0, 2), "history": (1500, 1, 1, 1)}
    seen = words(response)
    assert "Truncated: 50 % of the 2 that say" in seen
    assert "knowledge 57.1 % 1,000 mean of 2" in seen


def test_bundles__none__said_in_words(workspace):
    call(workspace)
    assert "No call in this window came with a context bundle" in words(page(viewer_of(workspace)))


def queries(person, **query) -> int:
    client = signed_in(person)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(LIST, query).status_code == 200
    return len(captured)


def test_queries__ten_times_the_calls__the_same_number(workspace):
    viewer = viewer_of(workspace)
    many_calls(workspace, 30)
    before = queries(viewer)
    AIInteraction.objects.update(external_id=None)
    many_calls(workspace, 300)
    assert queries(viewer) == before
    assert before <= (28 if connection.vendor == "postgresql" else 30)


PEOPLE = {
    "viewer": (["ours"], lambda ours, theirs: viewer_of(ours)),
    "viewer of another": (["theirs"], lambda ours, theirs: viewer_of(theirs)),
    "member of nothing": ([], lambda ours, theirs: UserFactory()),
    "superuser": (["ours", "theirs"], lambda ours, theirs: SuperuserFactory()),
}


@pytest.mark.parametrize("chosen", ["", "ours", "theirs"])
@pytest.mark.parametrize("role", PEOPLE)
def test_scope__each_role_and_workspace__own_rows_values_and_totals_only(role, chosen):
    places = {name: WorkspaceFactory(slug=name) for name in ("ours", "theirs")}
    for number, (name, place) in enumerate(places.items(), start=1):
        call(place, external_id=f"{name}-call", model=f"{name}-model", input_tokens=number * 1_111)
    mine, make = PEOPLE[role]
    seen = page(make(**places), period="7d", **({"workspace": chosen} if chosen else {})).content.decode()
    in_view = [name for name in mine if chosen in ("", name)][:1]
    for number, name in enumerate(places, start=1):
        for what in (f">{name}-call<", f">{name}-model<", f"<dd>{number * 1_111:,} "):
            assert (what in seen) == (name in in_view)
        assert name in mine or name == chosen or f"workspace={name}" not in seen
