"""Where webhooks may go: hosts that the operator named, on addresses that are looked at before the connection."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from confidence_project.foundation.errors import InvalidInput, NotFound, PermissionRefused
from confidence_project.foundation.outbound import NotReached, is_public
from governance.models import WebhookEndpoint
from governance.tests.factories import WorkspaceFactory, admin_of, viewer_of
from governance.tests.receiver import receiving
from governance.webhooks.services import add_webhook_endpoint
from governance.webhooks.transport import post

EVENTS = ["proposal.applied"]


@pytest.fixture
def hosts(settings):
    settings.CONFIDENCE_WEBHOOK_HOSTS = ["hooks.example.org", ".internal.example.org", "127.0.0.1", "localhost", "*"]


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["https://hooks.example.org/x?y=1", "https://a.internal.example.org:8443/"])
def test_add__allowed_host__is_taken(hosts, url):
    workspace = WorkspaceFactory()
    endpoint, secret = add_webhook_endpoint(actor=admin_of(workspace), workspace=workspace, url=url, events=EVENTS)
    assert (endpoint.url, endpoint.events, endpoint.is_active) == (url, EVENTS, True)
    assert secret.startswith("whsec_")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example.com/",
        "https://hooks.example.org.evil.example/",
        "https://evilhooks.example.org/",
        "https://hooks.example.org@evil.example/",
        "https://name:word@hooks.example.org/",
        "https://hooks.example.org/#part",
        "https://hooks.example.org:port/",
        "https://[::1/",
        "https://hooks.example.org/a b",
        "https://hooks.example.org/\nX: y",
        "https://hooks.example.org/ä",
        "http://hooks.example.org/",
        "ftp://hooks.example.org/",
        "hooks.example.org",
        "",
        "https://hooks.example.org/" + "a" * 500,
    ],
)
def test_add__any_other_url__is_refused_without_repeating_it(hosts, url):
    workspace = WorkspaceFactory()
    with pytest.raises(InvalidInput) as refusal:
        add_webhook_endpoint(actor=admin_of(workspace), workspace=workspace, url=url, events=EVENTS)
    assert not url or url not in refusal.value.detail
    assert not WebhookEndpoint.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("events", [[], ["proposal.read"], [*EVENTS, ""]])
def test_add__unknown_or_no_events__is_refused(hosts, events):
    workspace = WorkspaceFactory()
    with pytest.raises(InvalidInput):
        add_webhook_endpoint(
            actor=admin_of(workspace), workspace=workspace, url="https://hooks.example.org/", events=events
        )


@pytest.mark.django_db
def test_add__viewer_or_stranger__is_refused(hosts):
    workspace = WorkspaceFactory()
    for actor, error in [(viewer_of(workspace), PermissionRefused), (admin_of(WorkspaceFactory()), NotFound)]:
        with pytest.raises(error):
            add_webhook_endpoint(actor=actor, workspace=workspace, url="https://hooks.example.org/", events=EVENTS)


@pytest.mark.parametrize("url", ["https://127.0.0.1:1/", "https://localhost:1/"])
def test_post__loopback__is_refused_unless_the_setting_says_so(hosts, settings, url):
    with pytest.raises(NotReached, match="address not allowed"):
        post(url, b"{}", {})
    settings.CONFIDENCE_WEBHOOK_ALLOW_PRIVATE = True
    with pytest.raises(NotReached, match="no connection"):
        post(url, b"{}", {})


def test_post__host_no_longer_allowed__is_refused(settings):
    settings.CONFIDENCE_WEBHOOK_HOSTS = []
    with pytest.raises(NotReached, match="host not allowed"):
        post("https://hooks.example.org/", b"{}", {})


def test_post__name_not_known__is_told(settings):
    settings.CONFIDENCE_WEBHOOK_HOSTS = ["nowhere.invalid"]
    with pytest.raises(NotReached, match="name not resolved"):
        post("https://nowhere.invalid/", b"{}", {})


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:8.8.8.8", "2002:7f00:1::", "2001:0:7f00:1::", "::127.0.0.1",
        "::8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::a00:1",
    ],
)  # fmt: skip
def test_is_public__address_of_a_closed_network__no(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:4700:4700::1111"])
def test_is_public__address_of_the_internet__yes(address):
    assert is_public(ip_address(address))


def _answering(monkeypatch, *answers):
    """Stand in for the name server, which tests cannot have; each lookup of the name gets the next answer."""
    lookups, real = iter(answers), socket.getaddrinfo

    def getaddrinfo(host, *args, **options):
        return real(next(lookups) if host == "hooks.example.org" else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return lookups


def test_post__name_changes_its_mind__connects_to_the_address_that_was_checked(hosts, settings, monkeypatch):
    settings.CONFIDENCE_WEBHOOK_ALLOW_PRIVATE = True
    later = _answering(monkeypatch, "127.0.0.1", "127.0.0.2")
    with receiving() as receiver:
        assert post(f"http://hooks.example.org:{receiver.server_port}/", b"{}", {}) == 204
        assert receiver.requests[0][0]["Host"] == f"hooks.example.org:{receiver.server_port}"
    assert next(later) == "127.0.0.2"  # the name was asked for once


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "::1"])
def test_post__allowed_name_of_a_private_address__is_refused(hosts, monkeypatch, address):
    _answering(monkeypatch, address)
    with pytest.raises(NotReached, match="address not allowed"):
        post("https://hooks.example.org/", b"{}", {})


def test_post__certificate_that_nobody_vouches_for__no_connection(hosts, settings, tmp_path):
    settings.CONFIDENCE_WEBHOOK_ALLOW_PRIVATE = True
    with receiving() as receiver:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_self_signed(tmp_path / "localhost.pem"))
        receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
        with pytest.raises(NotReached, match="no connection"):
            post(f"https://localhost:{receiver.server_port}/", b"{}", {})
        assert receiver.requests == []


def _self_signed(path):
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path
