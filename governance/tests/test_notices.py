"""What single people are told by e-mail, and channels of Slack and Teams by webhook: names and a link."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core import mail
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from freezegun import freeze_time

from governance.controls.services import engage_kill_switch
from governance.models import Notice, NoticeSettings, WebhookDelivery, WebhookEndpoint
from governance.notices.delivery import send_notices
from governance.notices.services import set_notices
from governance.tests.browser import signed_in, url, words
from governance.tests.factories import (
    SuperuserFactory,
    UserFactory,
    WorkspaceFactory,
    admin_of,
    pending,
    viewer_of,
)
from governance.webhooks.services import add_webhook_endpoint
from governance.workflow import approve_confidence_policy_proposal, reject_confidence_policy_proposal

pytestmark = pytest.mark.django_db
WRITTEN = "Private words"
ALL_KINDS = NoticeSettings.Kind.values


@pytest.fixture(autouse=True)
def mail_server(settings):
    settings.CONFIDENCE_SENDS_MAIL = True
    settings.CONFIDENCE_SITE_URL = "https://confidence.example.org"


@pytest.fixture
def workspace():
    return WorkspaceFactory(slug="risk", name="Risk")


def reachable(person):
    person.email = f"{person.username}@example.org"
    person.save()
    return person


def told():
    """Send what is due, and return who was told what: address, subject, text."""
    for user_id in set(Notice.objects.filter(status="PENDING").values_list("user_id", flat=True)):
        send_notices.call(user_id)
    letters = {letter.to[0]: (letter.subject, letter.body) for letter in mail.outbox}
    mail.outbox.clear()
    assert WRITTEN not in str(letters)
    return letters


def opened(workspace):
    return pending(workspace, title=WRITTEN, summary=WRITTEN)


def test_opened__those_who_may_approve_are_told_that_it_waits_and_nobody_else(workspace):
    admin, viewer = reachable(admin_of(workspace)), reachable(viewer_of(workspace))
    reachable(admin_of(WorkspaceFactory()))
    admin_of(workspace)  # without an address
    proposal = opened(workspace)
    letters = told()
    assert list(letters) == [admin.email]
    subject, text = letters[admin.email]
    assert subject == "Proposal opened, and waits for you: Risk"
    assert "confidence_gate in Risk" in text
    assert f"https://confidence.example.org/admin/governance/confidencepolicyproposal/{proposal.pk}/change/" in text
    assert viewer.email not in letters


def test_approved__waits_for_superusers_but_not_for_who_approved(workspace):
    approver, other = reachable(SuperuserFactory()), reachable(SuperuserFactory())
    proposal = opened(workspace)
    told()
    approve_confidence_policy_proposal(
        actor=approver, workspace=workspace, proposal_id=proposal.pk, acknowledge_large_step=True
    )
    letters = told()
    assert list(letters) == [other.email]
    assert letters[other.email][0].startswith("Proposal approved, and waits for you")


def test_decided__is_told_to_members_who_want_it(workspace):
    wants, does_not = reachable(viewer_of(workspace)), reachable(viewer_of(workspace))
    set_notices(actor=wants, pace="at_once", kinds=["decided"])
    proposal = opened(workspace)
    reject_confidence_policy_proposal(
        actor=admin_of(workspace), workspace=workspace, proposal_id=proposal.pk, reason=WRITTEN
    )
    letters = told()
    assert list(letters) == [wants.email]
    assert letters[wants.email][0] == "Proposal rejected: Risk"
    assert does_not.email not in letters


def test_switch__is_told_to_everybody_of_the_workspace(workspace):
    viewer = reachable(viewer_of(workspace))
    engage_kill_switch(actor=admin_of(workspace), workspace=workspace, reason=WRITTEN)
    assert told()[viewer.email][0] == "Kill switch engaged: Risk"


@pytest.mark.parametrize("change", [{"pace": "never", "kinds": ALL_KINDS}, {"pace": "at_once", "kinds": []}])
def test_settings__of_who_wants_nothing__are_kept_to(workspace, change):
    set_notices(actor=reachable(admin_of(workspace)), **change)
    opened(workspace)
    assert told() == {}


def test_no_mail_server__nothing_is_written(workspace, settings):
    settings.CONFIDENCE_SENDS_MAIL = False
    reachable(admin_of(workspace))
    opened(workspace)
    assert not Notice.objects.exists()


def test_event_that_is_rolled_back__is_told_to_nobody(workspace):
    from django.db import transaction

    reachable(admin_of(workspace))
    with transaction.atomic():
        opened(workspace)
        transaction.set_rollback(True)
    assert told() == {}


def test_digest__comes_in_one_letter_when_it_is_asked_for(workspace):
    admin = reachable(admin_of(workspace))
    set_notices(actor=admin, pace="daily", kinds=ALL_KINDS)
    opened(workspace)
    engage_kill_switch(actor=admin_of(workspace), workspace=workspace, reason=WRITTEN)
    assert told() == {}
    said = StringIO()
    call_command("send_digests", stdout=said)
    call_command("send_digests", stdout=said)
    assert said.getvalue() == "1 digest(s) sent.\n0 digest(s) sent.\n"
    (letter,) = mail.outbox
    assert letter.subject == "2 notices of the Enterprise Confidence System"
    assert letter.body.index("Proposal opened, and waits for you") < letter.body.index("Kill switch engaged")


def test_mail_server_that_is_away__is_tried_again_and_then_given_up(workspace, settings):
    admin = reachable(admin_of(workspace))
    opened(workspace)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    now = timezone.now()
    for attempt in range(1, 9):
        with freeze_time(now + timedelta(days=2 * attempt)):
            send_notices.call(admin.pk)
            send_notices.call(admin.pk)  # not due again yet
        notice = Notice.objects.get(user=admin)
        assert (notice.attempts, notice.status) == (attempt, "FAILED" if attempt == 8 else "PENDING")
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert told() == {}


def test_what_a_crash_lost__is_sent_by_the_command_of_every_minute(workspace):
    admin = reachable(admin_of(workspace))
    opened(workspace)
    said = StringIO()
    call_command("deliver_webhooks", stdout=said)
    assert mail.outbox == []
    with freeze_time(timezone.now() + timedelta(minutes=2)):
        call_command("deliver_webhooks", stdout=said)
    assert "Overdue notices sent to 1 person(s)." in said.getvalue()
    assert [letter.to for letter in mail.outbox] == [[admin.email]]
    assert Notice.objects.get().status == "SENT"


def test_person_who_is_deactivated__is_told_nothing_any_more(workspace):
    admin = reachable(admin_of(workspace))
    opened(workspace)
    type(admin).objects.filter(pk=admin.pk).update(is_active=False)
    assert told() == {}
    assert Notice.objects.get().status == "FAILED"


def test_page__shows_and_keeps_what_is_each_persons_own(workspace):
    person, other = reachable(UserFactory()), UserFactory()
    browser = signed_in(person)
    address = reverse("admin:notices")
    assert person.email in words(browser.get(address))
    assert browser.post(address, {"pace": "daily", "kinds": ["alarms", "waiting"]}).status_code == 302
    stored = NoticeSettings.objects.get()
    assert (stored.user, stored.pace, stored.kinds) == (person, "daily", ["alarms", "waiting"])
    assert browser.post(address, {"pace": "hourly", "kinds": ["alarms"]}).status_code == 200
    assert "no e-mail address" in words(signed_in(other).get(address))
    assert NoticeSettings.objects.count() == 1


def posted(workspace, settings, form):
    settings.CONFIDENCE_WEBHOOK_HOSTS = ["hooks.example.org"]
    filled = {"workspace": workspace.pk, "url": "https://hooks.example.org/x", "events": ["kill_switch.engaged"]}
    shown = signed_in(admin_of(workspace)).post(url(WebhookEndpoint, "add"), {**filled, "form": form})
    assert shown.status_code == 200
    engage_kill_switch(actor=admin_of(workspace), workspace=workspace, policy_key="confidence_gate", reason=WRITTEN)
    return json.loads(WebhookDelivery.objects.get().payload)


def test_slack__gets_text_with_its_control_characters_escaped(settings):
    post = posted(WorkspaceFactory(name="R&D <risk>"), settings, "slack")
    link = post["text"].split("<")[-1]
    assert post == {"text": f"*Kill switch engaged*\nconfidence_gate in R&amp;D &lt;risk&gt;\n<{link}"}
    assert link.startswith("https://confidence.example.org/admin/governance/killswitch/")
    assert link.endswith("/change/|Open>")


def test_teams__gets_an_adaptive_card_with_the_link(settings):
    post = posted(WorkspaceFactory(name="Risk [x](https://evil.example)"), settings, "teams")
    assert post["type"] == "message"
    (attachment,) = post["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert [block["text"] for block in card["body"]] == [
        "Kill switch engaged",
        r"confidence\_gate in Risk \[x\](https://evil.example)",
    ]
    (action,) = card["actions"]
    assert (action["type"], action["title"]) == ("Action.OpenUrl", "Open")
    assert action["url"].startswith("https://confidence.example.org/admin/governance/killswitch/")


def test_form_that_is_not_known__is_refused(workspace, settings):
    from confidence_project.foundation.errors import InvalidInput

    settings.CONFIDENCE_WEBHOOK_HOSTS = ["hooks.example.org"]
    with pytest.raises(InvalidInput, match="one of standard, slack, teams"):
        add_webhook_endpoint(
            actor=admin_of(workspace), workspace=workspace, url="https://hooks.example.org/x",
            events=["kill_switch.engaged"], form="irc",
        )  # fmt: skip


def test_prune__deletes_what_is_settled_and_old(workspace):
    reachable(admin_of(workspace))
    opened(workspace)
    told()
    engage_kill_switch(actor=admin_of(workspace), workspace=workspace, reason=WRITTEN)
    said = StringIO()
    call_command("prune_webhooks", stdout=said)
    with freeze_time(timezone.now() + timedelta(days=31)):
        call_command("prune_webhooks", stdout=said)
    assert said.getvalue() == "0 message(s) deleted.\n1 message(s) deleted.\n"
    assert Notice.objects.get().event == "kill_switch.engaged"
