"""The second factor over HTTP: setting it up, signing in with it, losing it, and having to have it."""

from __future__ import annotations

import base64
import re
import time
from io import StringIO
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django_otp.plugins.otp_totp.models import TOTPDevice
from freezegun import freeze_time

from governance.tests.factories import PASSWORD, SuperuserFactory, UserFactory, WorkspaceFactory, admin_of

pytestmark = pytest.mark.django_db
HOME = "/admin/"
SETUP = "/admin/second-factor/"
PICTURE = "/admin/second-factor/code.svg"


@pytest.fixture(autouse=True)
def clock():
    """A code works once: tests move on to the next one by hand."""
    reverse("admin:index")  # imports every view: psycopg cannot be imported under a frozen clock
    with freeze_time("2026-05-01 12:00:00") as clock:
        yield clock


class App:
    """An authenticator app, which knows what the page shows and no more."""

    def __init__(self, page):
        shown = re.search(r'<code class="secret">([A-Z2-7 ]+)</code>', page.content.decode())
        self.secret = base64.b32decode(shown[1].replace(" ", ""))
        self.last = ""

    def code(self, clock):
        """The next code that was not used yet."""
        now = TOTP(self.secret, 6, SHA1(), 30, enforce_key_length=False).generate(int(time.time())).decode()
        if now == self.last:
            clock.tick(30)
            return self.code(clock)
        self.last = now
        return now


def sign_in(person, **fields):
    """Return a browser after its attempt to sign in, and the reply."""
    client = Client()
    return client, client.post(reverse("admin:login"), {"username": person.username, "password": PASSWORD, **fields})


def is_in(client):
    return client.get(HOME).status_code == 200


def enrol(client, clock):
    """Set a second factor up; return the app and the recovery codes."""
    app = App(client.get(SETUP))
    done = client.post(SETUP, {"code": app.code(clock)})
    return app, re.findall(r'<code class="secret">([a-z2-7]{8})</code>', done.content.decode())


def test_without_one__name_and_password_are_enough():
    for person in [UserFactory(), SuperuserFactory()]:
        client, reply = sign_in(person)
        assert reply.status_code == 302
        assert is_in(client)
        assert SETUP in client.get(HOME).content.decode()


def test_enrol__right_code__on_and_this_session_goes_on_under_a_new_key(clock):
    client, _ = sign_in(UserFactory())
    key = client.session.session_key
    _, recovery = enrol(client, clock)
    assert len(set(recovery)) == 10
    assert is_in(client)
    assert client.session.session_key != key
    page = client.get(SETUP).content.decode()
    assert not any(code in page for code in recovery)


def test_enrol__wrong_code__off_and_the_same_secret_stays_on_the_page(clock):
    person = UserFactory()
    client, _ = sign_in(person)
    app = App(client.get(SETUP))
    page = client.post(SETUP, {"code": "000000"})
    assert App(page).secret == app.secret
    assert sign_in(person)[1].status_code == 302
    clock.tick(5)
    assert "recovery codes" in client.post(SETUP, {"code": app.code(clock)}).content.decode().lower()


def test_enrol__page_and_picture__hold_the_same_secret_and_are_kept_by_nobody():
    client, _ = sign_in(UserFactory(username="alice"))
    page = client.get(SETUP)
    link = re.search(r'href="(otpauth://[^"]+)"', page.content.decode())[1].replace("&amp;", "&")
    assert base64.b32decode(parse_qs(urlsplit(link).query)["secret"][0]) == App(page).secret
    picture = client.get(PICTURE)
    assert picture["Content-Type"] == "image/svg+xml"
    assert b"style" not in picture.content
    assert b"<script" not in picture.content
    for reply in [page, picture]:
        assert "no-store" in reply["Cache-Control"]
        assert "unsafe-inline" not in reply["Content-Security-Policy"]
    assert " style=" not in page.content.decode()
    assert App(client.get(SETUP)).secret != App(page).secret


def test_sign_in__with_a_second_factor__takes_both(clock):
    person = UserFactory()
    app, _ = enrol(sign_in(person)[0], clock)
    for fields in [{}, {"code": ""}, {"code": "000000"}, {"code": "nonsense"}]:
        client, reply = sign_in(person, **fields)
        assert reply.status_code == 200
        assert "code" in reply.content.decode()
        assert not is_in(client)
        clock.tick(60)
    client, reply = sign_in(person, code=app.code(clock))
    assert reply.status_code == 302
    assert is_in(client)


def test_sign_in__wrong_password__asks_for_no_code(clock):
    person = UserFactory()
    app, _ = enrol(sign_in(person)[0], clock)
    reply = sign_in(person, password="a wrong guess", code=app.code(clock))[1]
    assert "correct username and password" in reply.content.decode()
    assert "authenticator" not in reply.content.decode()


def test_code__works_once(clock):
    person = UserFactory()
    app, _ = enrol(sign_in(person)[0], clock)
    code = app.code(clock)
    assert sign_in(person, code=code)[1].status_code == 302
    assert sign_in(person, code=code)[1].status_code == 200


def test_code__of_somebody_else__is_wrong(clock):
    person, other = UserFactory(), UserFactory()
    enrol(sign_in(person)[0], clock)
    app, recovery = enrol(sign_in(other)[0], clock)
    assert sign_in(person, code=app.code(clock))[1].status_code == 200
    assert sign_in(person, code=recovery[0])[1].status_code == 200


def test_guessing_codes__the_right_one_has_to_wait_too(clock):
    person = UserFactory()
    app, _ = enrol(sign_in(person)[0], clock)
    code = app.code(clock)
    sign_in(person, code="000000")
    assert sign_in(person, code=code)[1].status_code == 200
    clock.tick(5)
    assert sign_in(person, code=code)[1].status_code == 302


def test_recovery_code__each_signs_in_once(clock):
    person = UserFactory()
    _, recovery = enrol(sign_in(person)[0], clock)
    client, reply = sign_in(person, code=f" {recovery[0][:4].upper()} {recovery[0][4:]}")
    assert reply.status_code == 302
    assert is_in(client)
    assert sign_in(person, code=recovery[0])[1].status_code == 200
    clock.tick(5)
    assert sign_in(person, code=recovery[1])[1].status_code == 302


def test_recovery_codes__renewed__the_old_ones_are_void(clock):
    person = UserFactory()
    client, _ = sign_in(person)
    app, old = enrol(client, clock)
    assert "not right" in client.post(SETUP, {"code": "000000", "renew": "1"}).content.decode()
    clock.tick(5)
    page = client.post(SETUP, {"code": app.code(clock), "renew": "1"}).content.decode()
    new = re.findall(r'<code class="secret">([a-z2-7]{8})</code>', page)
    assert len(set(new) - set(old)) == 10
    assert sign_in(person, code=old[0])[1].status_code == 200
    clock.tick(5)
    assert sign_in(person, code=new[0])[1].status_code == 302


def test_remove__with_a_code__the_password_is_enough_again(clock):
    person = UserFactory()
    client, _ = sign_in(person)
    app, _ = enrol(client, clock)
    client.post(SETUP, {"code": "000000", "remove": "1"})
    assert sign_in(person)[1].status_code == 200
    clock.tick(5)
    client.post(SETUP, {"code": app.code(clock), "remove": "1"})
    assert sign_in(person)[1].status_code == 302


def test_other_sessions__from_before__are_nobodys_once_it_is_on(clock):
    person = admin_of(WorkspaceFactory(slug="acme"))
    elsewhere, _ = sign_in(person)
    here, _ = sign_in(person)
    api = "/api/v1/governance/workspaces/acme/proposals"
    assert elsewhere.get(api).status_code == 200
    enrol(here, clock)
    assert here.get(api).status_code == 200
    assert elsewhere.get(api).status_code in (401, 403)
    assert not is_in(elsewhere)
    assert elsewhere.get(SETUP).status_code == 302
    assert elsewhere.get(PICTURE).status_code == 404


def test_demanded__superuser_without_one__sets_it_up_before_anything_else(clock, settings):
    WorkspaceFactory(slug="acme")
    settings.CONFIDENCE_REQUIRE_SECOND_FACTOR = True
    client, reply = sign_in(SuperuserFactory())
    assert reply.status_code == 302
    assert not is_in(client)
    assert client.get("/api/v1/governance/workspaces/acme/proposals").status_code in (401, 403)
    page = client.get(HOME, follow=True)
    assert page.redirect_chain[-1][0] == SETUP
    assert "Superusers sign in with a second factor here" in page.content.decode()
    assert client.get(PICTURE).status_code == 200
    enrol(client, clock)
    assert is_in(client)
    assert client.get("/api/v1/governance/workspaces/acme/proposals").status_code == 200


def test_demanded__everybody_else__may_do_without(settings):
    settings.CONFIDENCE_REQUIRE_SECOND_FACTOR = True
    assert is_in(sign_in(UserFactory())[0])


def test_page__nobody_or_no_staff__is_sent_to_the_sign_in():
    client = Client()
    client.force_login(UserFactory(is_staff=False))
    for browser in [Client(), client]:
        assert browser.get(SETUP)["Location"] == f"/admin/login/?next={SETUP}"
        assert browser.get(PICTURE).status_code == 404
    assert not TOTPDevice.objects.exists()


def test_page__forged_post__is_refused():
    person = UserFactory()
    client = Client(enforce_csrf_checks=True)
    client.force_login(person)
    client.get(SETUP)
    assert client.post(SETUP, {"code": "000000"}).status_code == 403


def test_remove_second_factor__command__for_who_lost_theirs(clock):
    person = UserFactory()
    enrol(sign_in(person)[0], clock)
    call_command("remove_second_factor", person.username, stdout=StringIO())
    assert sign_in(person)[1].status_code == 302
    with pytest.raises(CommandError, match="no second factor"):
        call_command("remove_second_factor", person.username)
    with pytest.raises(CommandError):
        call_command("remove_second_factor", "nobody-of-this-name")


def test_admin__shows_no_device_to_anybody():
    client, _ = sign_in(SuperuserFactory())
    for model in ["otp_totp/totpdevice", "otp_static/staticdevice"]:
        assert client.get(f"/admin/{model}/").status_code == 404
