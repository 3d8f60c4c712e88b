"""Whatever is sent, the server answers for it: no input is an error of the server."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.tests.callers import NDJSON, Caller
from ledger.tests.bodies import envelope
from telemetry.tests import bodies

pytestmark = pytest.mark.django_db

SOUND = {
    "interactions": bodies.interaction,
    "drafts": bodies.draft,
    "sentiments": lambda: bodies.sentiment(draft="never-sent"),
    "overseer-decisions": bodies.overseer_decision,
    "bookings": bodies.booking,
    "decisions": envelope,
    "outcomes": lambda: {"external_id": "o", "decision_external_id": "d", "success": True, "source": "booking"},
    "drafts/dispositions": lambda: {"external_id": "d", "disposition": "edited"},
    "overseer-decisions/overrides": lambda: {
        "external_id": "o", "human_override": "deny", "overridden_at": "2026-01-31T09:30:00Z",
    },
    "bookings/outcomes": lambda: {"external_id": "b", "outcome": "kept", "outcome_at": "2026-01-31T09:30:00Z"},
}  # fmt: skip
NAMES = sorted({name for body in SOUND.values() for name in body()} | {"created_at", "occurred_at", "metadata", "x"})

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
    | st.datetimes().map(lambda time: f"{time.isoformat()}+14:00"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
changes = st.dictionaries(st.sampled_from(NAMES), anything, max_size=3)
generous = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
def caller():
    return Caller()


@generous
@given(path=st.sampled_from(sorted(SOUND)), changed=st.lists(changes, min_size=1, max_size=3), single=st.booleans())
def test_fields__of_any_type_and_value__are_answered(caller, path, changed, single):
    items = [SOUND[path]() | change for change in changed]
    reply = caller.post(path, items[0] if single else items)
    assert reply.status_code in {200, 201, 207, 404, 409, 422}, reply.content
    assert ("problem" in reply["Content-Type"]) == (reply.status_code >= 400)


@generous
@given(path=st.sampled_from(sorted(SOUND)), document=anything)
def test_documents__of_any_form__are_answered(caller, path, document):
    assert caller.post(path, document).status_code in {422, 404}


@generous
@given(
    path=st.sampled_from(sorted(SOUND)),
    body=st.binary(max_size=200),
    content_type=st.sampled_from(["application/json", NDJSON, "text/plain"]),
    encoding=st.sampled_from(["gzip", "identity", "br"]),
)
def test_bytes__of_any_kind__are_answered(caller, path, body, content_type, encoding):
    reply = caller.post(path, body, content_type, Content_Encoding=encoding)
    assert reply.status_code in {400, 404, 415, 422}
    assert reply["Content-Type"] == "application/problem+json"
