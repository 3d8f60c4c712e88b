"""Private text that a host sends by mistake is in no table, no log line and no reply."""

from __future__ import annotations

import json
import logging

import pytest
from django.apps import apps

from governance.tests.callers import Caller
from ledger.tests.bodies import envelope, llm_decision
from telemetry.tests import bodies

pytestmark = pytest.mark.django_db

# Nothing that JSON, HTML or `repr` would escape: it would hide there.
SECRET = "Ms. Smith has measles"


def _everything_stored():
    for model in apps.get_models():
        for row in model._base_manager.values():
            yield f"{model.__name__} {row!r}"


def _bodies():
    """The secret in every place of every body where somebody could put it."""
    yield "decisions", envelope(decision=llm_decision(risk_summary=SECRET, likely_root_cause=SECRET))
    for parameters in ({"note": SECRET}, {"attempts": SECRET}, {SECRET: 1}, {"x": {"y": [SECRET]}}):
        yield (
            "decisions",
            envelope(decision=llm_decision(recommended_action={"type": "retry", "parameters": parameters})),
        )
    yield "decisions", envelope(decision=SECRET)
    yield "decisions", envelope(decision={**llm_decision(), SECRET: SECRET})
    for metadata in ({"note": SECRET}, {"bookingGate": {"decision": SECRET}}, {SECRET: {}}, {"followupParse": SECRET}):
        yield "interactions", bodies.interaction(metadata=metadata)
    kinds = {
        "interactions": bodies.interaction,
        "drafts": bodies.draft,
        "overseer-decisions": bodies.overseer_decision,
        "bookings": bodies.booking,
        "decisions": envelope,
    }
    for path, body in kinds.items():
        sound = body()
        for name in [*sound, "created_at", "status", "outcome", "disposition", "case_key", "note", SECRET]:
            yield path, {**sound, name: SECRET}
            yield path, {**sound, name: {SECRET: SECRET}}
    yield "sentiments", bodies.sentiment(draft=SECRET)
    yield "drafts/dispositions", {"external_id": SECRET, "disposition": SECRET}
    yield "overseer-decisions/overrides", {"external_id": "o", "human_override": SECRET, "overridden_at": SECRET}
    yield "bookings/outcomes", {"external_id": "b", "outcome": SECRET, "outcome_at": SECRET}
    yield "outcomes", {"external_id": "o", "decision_id": SECRET, "success": SECRET, "source": SECRET}


@pytest.mark.parametrize("send", [
    lambda caller, path, body: caller.post(path, body),
    lambda caller, path, body: caller.post(path, [body]),
    lambda caller, path, body: caller.post_lines(path, [body]),
    lambda caller, path, body: caller.post(path, json.dumps(body).encode()[:-1]),
    lambda caller, path, body: caller.post(path, body, "text/plain"),
], ids=["object", "array", "lines", "broken", "text"])  # fmt: skip
def test_secret__in_any_field__is_nowhere_afterwards(caplog, send):
    caplog.set_level(logging.DEBUG)
    caller, sent = Caller(), list(_bodies())
    for path, body in sent:
        reply = send(caller, path, body)
        assert reply.status_code < 500
        assert SECRET not in reply.content.decode()
        assert SECRET not in str(reply.headers)
    assert len(sent) > 60
    stored = list(_everything_stored())
    assert stored
    assert not [row for row in stored if SECRET in row]
    assert not [record for record in caplog.records if SECRET in record.getMessage()]


def test_secret__in_a_query__is_not_in_the_reply():
    caller = Caller()
    for path in ("drafts", "decisions", "outcomes"):
        query = dict.fromkeys(("created_from", "verdict", "occurred_from", "decision_id", "cursor"), SECRET)
        reply = caller.get(path, **query)
        assert reply.status_code in {200, 400, 404}
        assert SECRET not in reply.content.decode()
