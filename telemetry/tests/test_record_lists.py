"""Lists of drafts, replies, overseer decisions and bookings: readable at a glance, and helpful when empty."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib import admin
from django.urls import reverse

from governance.tests.browser import signed_in, words
from governance.tests.callers import Caller
from governance.tests.factories import UserFactory, viewer_of
from telemetry.models import AIDraft, AIInteraction, FollowUpBooking, InboundMessage, MeetingOverseerDecision
from telemetry.tests import bodies

pytestmark = pytest.mark.django_db

MODELS = [AIDraft, AIInteraction, FollowUpBooking, InboundMessage, MeetingOverseerDecision]
AT = "2026-03-01T10:00:00Z"


def listed(viewer, model, **query):
    response = signed_in(viewer).get(reverse(f"admin:telemetry_{model._meta.model_name}_changelist"), query)
    assert response.status_code == 200
    return response


@pytest.fixture
def caller():
    caller = Caller()
    fields = {"created_at": AT, "confidence": 0.8, "threshold": 0.9}
    caller.post("drafts", bodies.draft(external_id="d-1", action="hold", disposition="edited", **fields))
    caller.post("sentiments", bodies.sentiment(external_id="s-1", draft="d-1", sentiment="negative"))
    overseen = {"created_at": AT, "decision": "deny", "human_override": "approve", "overridden_at": AT}
    caller.post("overseer-decisions", bodies.overseer_decision(external_id="o-1", **overseen))
    booked = {"created_at": AT, "threshold": 0.9, "outcome": "no_show", "outcome_at": AT}
    caller.post("bookings", bodies.booking(external_id="b-1", **booked))
    return caller


@pytest.mark.parametrize(
    "model, row",
    [
        (AIDraft, "d-1 2026-03-01 10:00 Hold for a person 0.8 0.9 Edited, then sent block"),
        (InboundMessage, "s-1 {today} Negative d-1 block"),
        (MeetingOverseerDecision, "o-1 2026-03-01 10:00 Gate deny 0.8 otherwise: approve allow"),
        (FollowUpBooking, "b-1 2026-03-01 10:00 Without a person 0.97 0.9 No-show allow"),
    ],
)
def test_list__each_domain__one_line_says_what_was_judged_and_what_came_of_it(caller, model, row):
    seen = words(listed(viewer_of(caller.workspace), model))
    today = model.objects.get().created_at.strftime("%Y-%m-%d %H:%M")
    assert row.format(today=today) in seen


@pytest.mark.parametrize(
    "model, wanted, other",
    [
        (AIDraft, {"action": "hold"}, {"action": "send"}),
        (AIDraft, {"disposition": "edited"}, {"disposition": "discarded"}),
        (InboundMessage, {"sentiment": "negative"}, {"sentiment": "positive"}),
        (MeetingOverseerDecision, {"stage": "gate"}, {"stage": "extract"}),
        (MeetingOverseerDecision, {"person": "yes"}, {"person": "no"}),
        (FollowUpBooking, {"auto_booked": "1"}, {"auto_booked": "0"}),
        (FollowUpBooking, {"outcome": "no_show"}, {"outcome": "kept"}),
    ],
)
def test_filter__each_domain__leaves_what_matches(caller, model, wanted, other):
    viewer = viewer_of(caller.workspace)

    def shown(query):
        exact = {name if name == "person" else f"{name}__exact": value for name, value in query.items()}
        return len(listed(viewer, model, **exact).context["cl"].result_list)

    assert (shown(wanted), shown(other)) == (1, 0)


@pytest.mark.parametrize("model", MODELS)
def test_empty__each_list__says_how_records_get_in(model):
    seen = words(listed(viewer_of(Caller().workspace), model))
    assert "How they get in" in seen
    recipes = [
        (recipe, document)
        for named, document in re.findall(r"recipes? ([^.]*?) in (docs/[a-z]+\.md)", seen)
        for recipe in re.findall(r"“([^”]+)”", named)
    ]
    assert recipes
    for recipe, document in recipes:
        assert f"\n## {recipe}\n" in (Path(settings.BASE_DIR) / document).read_text()
    for address in re.findall(r"POST /api/v1/([a-z-]+)", seen):
        assert Caller().post(address, {}).status_code == 422
    nobody = words(listed(UserFactory(), model))
    assert f"{admin.site.get_model_admin(model).nothing_yet}." in nobody
