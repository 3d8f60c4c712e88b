"""How a person sees the desk: times in their zone, which every page names, and keys that they can turn off."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.urls import reverse
from freezegun import freeze_time

from confidence_project.foundation.errors import InvalidInput
from governance.access.preferences import set_preferences, time_zones
from governance.models import ConfidencePolicyProposal, Preferences
from governance.tests.browser import page, signed_in, words
from governance.tests.factories import WorkspaceFactory, admin_of, pending, viewer_of
from ledger.models import DecisionRecord
from ledger.tests.factories import DecisionRecordFactory

pytestmark = pytest.mark.django_db

SETTINGS = reverse("admin:settings")
DECISIONS = reverse("admin:ledger_decisionrecord_changelist")
AT = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)


@pytest.fixture
def workspace():
    with freeze_time(AT):
        workspace = WorkspaceFactory()
        pending(workspace)
    return workspace


def in_zone(person, name):
    client = signed_in(person)
    reply = client.post(SETTINGS, {"time_zone": name, "single_keys": "on"}, follow=True)
    assert "Your settings were changed" in words(reply)
    return client


# Summer time is on in Berlin and off in Kolkata, whose offset is no whole hour; Sao Paulo's zone has no abbreviation.
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", "2026-07-01 22:30 UTC"),
        ("Europe/Berlin", "2026-07-02 00:30 CEST"),
        ("Asia/Kolkata", "2026-07-02 04:00 IST"),
        ("America/Sao_Paulo", "2026-07-01 19:30 -03"),
    ],
)
def test_zone__pages_show_times_in_it_and_name_it(workspace, name, shown):
    client = in_zone(admin_of(workspace), name)
    seen = words(client.get(_proposal(workspace)))
    assert shown in seen
    assert f"Times in {name or 'UTC'}" in seen
    listed = words(client.get(reverse("admin:governance_confidencepolicyproposal_changelist")))
    assert shown.rpartition(" ")[0] in listed
    assert f"Times in {name or 'UTC'}" in listed


def _proposal(workspace):
    return page(ConfidencePolicyProposal.objects.get(workspace=workspace))


def test_zone__is_the_persons_alone_and_ends_with_the_request(workspace):
    in_zone(admin_of(workspace), "Asia/Kolkata")
    assert "2026-07-01 22:30 UTC" in words(signed_in(viewer_of(workspace)).get(_proposal(workspace)))


def test_range__is_typed_in_the_persons_zone(workspace):
    DecisionRecordFactory(workspace=workspace, timestamp=AT)
    client = in_zone(admin_of(workspace), "Europe/Berlin")

    def found(since):
        return len(client.get(DECISIONS, {"from": since, "workspace": workspace.slug}).context["cl"].result_list)

    assert (found("2026-07-02T00:30"), found("2026-07-02T00:31"), found("2026-07-01T22:31Z")) == (1, 0, 0)


def test_export__says_the_offset_whatever_the_zone(workspace):
    DecisionRecordFactory(workspace=workspace, timestamp=AT)
    client = in_zone(admin_of(workspace), "Europe/Berlin")
    listed = reverse("admin:governance_confidencepolicyproposal_changelist")
    said_by = {f"{listed}export/": "2026-07-01T22:30:00Z", f"{DECISIONS}export/": "2026-07-01 22:30:00 UTC"}
    for address, said in said_by.items():
        assert said in b"".join(client.get(address).streaming_content).decode()
    assert DecisionRecord.objects.count() == 1


def test_unknown_zone__is_refused_by_form_and_service(workspace):
    person = admin_of(workspace)
    reply = signed_in(person).post(SETTINGS, {"time_zone": "Mars/Olympus"})
    assert reply.status_code == 200
    with pytest.raises(InvalidInput, match="IANA name"):
        set_preferences(actor=person, time_zone="../etc/passwd", single_keys=True)
    assert not Preferences.objects.exists()
    assert {"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"} <= set(time_zones())


def test_zone_that_the_machine_does_not_know_any_more__is_the_servers(workspace):
    person = admin_of(workspace)
    Preferences.objects.create(user=person, time_zone="Old/Place")
    assert "2026-07-01 22:30 UTC" in words(signed_in(person).get(_proposal(workspace)))


def test_keys__are_on_at_first_and_can_be_turned_off(workspace):
    client = signed_in(admin_of(workspace))
    assert "data-single-keys" in client.get(SETTINGS).content.decode()
    client.post(SETTINGS, {"time_zone": ""})
    shown = client.get(SETTINGS)
    assert "data-single-keys" not in shown.content.decode()
    assert "Single keys are off" in words(shown)
