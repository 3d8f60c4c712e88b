"""A policy key from the desk: two superusers, every process at its next decision, and never changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.checks import Tags, run_checks
from django.urls import reverse

from confidence_project.foundation.append_only import AppendOnlyViolation
from confidence_project.foundation.errors import (
    AlreadySo,
    InvalidInput,
    NotFound,
    PermissionRefused,
    UnknownPolicyKey,
    WrongState,
)
from governance import definitions
from governance.admin.policy_keys import EXAMPLE
from governance.audit.reading import Wanted, every_line
from governance.definitions import (
    FieldDefinition,
    FieldKind,
    PolicyDefinition,
    family_of,
    get_definition,
    register,
    title_of,
)
from governance.models import PolicyKey, PolicyKeyEvent
from governance.policies.keys import confirm_policy_key, propose_policy_key, refuse_policy_key
from governance.tests.browser import signed_in, words
from governance.tests.callers import Caller
from governance.tests.factories import SuperuserFactory, UserFactory, WorkspaceFactory, admin_of
from governance.tests.workers import database_url

pytestmark = pytest.mark.django_db

KEY = "claims.auto_pay"


def propose(text=EXAMPLE, actor=None, reason="Claims are next."):
    return propose_policy_key(actor=actor or SuperuserFactory(), text=text, reason=reason)


def confirm(row, actor=None):
    return confirm_policy_key(actor=actor or SuperuserFactory(), proposed_id=row.pk, reason="Looked at.")


def forget(key=KEY):
    """Be another process, which has not met the key."""
    definitions.DEFINITIONS.things.pop(key, None)


def test_key__proposed__is_none_before_somebody_else_confirms_it():
    author = SuperuserFactory()
    row = propose(actor=author)
    with pytest.raises(UnknownPolicyKey):
        get_definition(KEY)
    with pytest.raises(PermissionRefused, match="second person"):
        confirm(row, author)
    confirm(row)
    definition = get_definition(KEY)
    assert (definition.title, definition.field("pay_threshold").minimum) == ("Pay a claim", 0.5)
    assert (definition.actions, definition.answer.question) == ({"pay": {"amount": "number"}}, "is_covered")
    forget()
    assert title_of(KEY) == "Pay a claim"


def test_key__confirmed__governs_the_next_decision_over_http():
    caller = Caller(WorkspaceFactory())
    decision = {
        "risk_summary": "It may be paid twice.", "likely_root_cause": "A claim was sent twice.", "confidence": 0.96,
        "recommended_action": {"type": "pay", "parameters": {"amount": 40}}, "provider": "acme", "model": "m1",
        "prompt_hash": "ab" * 32,
    }  # fmt: skip
    body = {"external_id": "claim-1", "policy_key": KEY, "decision": decision}
    assert caller.post("decisions", body).status_code == 422
    confirm(propose())
    reply = caller.post("decisions", body)
    assert (reply.status_code, reply.json()["verdict"], reply.json()["policy_key"]) == (201, "allow", KEY)


def test_key__refused__may_be_proposed_anew():
    row = propose()
    with pytest.raises(AlreadySo, match="waits"):
        propose()
    refuse_policy_key(actor=row.actor, proposed_id=row.pk, reason="Too early.")
    with pytest.raises(WrongState):
        confirm(row)
    confirm(propose())
    assert [event.verb for event in PolicyKeyEvent.objects.order_by("id")] == ["refused", "confirmed"]


def test_key__taken_in_code_or_in_the_desk__is_refused():
    for text in (EXAMPLE.replace(KEY, "confidence_gate"), EXAMPLE):
        if text == EXAMPLE:
            confirm(propose())
            forget()
        with pytest.raises(AlreadySo, match="taken"):
            propose(text)


def test_key__taken_by_code_while_it_waited__is_not_confirmed():
    row = propose()
    field = FieldDefinition("threshold", FieldKind.CONFIDENCE_THRESHOLD, 0.9)
    register(PolicyDefinition(KEY, "Of code", "", (field,)))
    with pytest.raises(AlreadySo, match="taken"):
        confirm(row)


def test_key__defined_otherwise_in_a_file_later__fails_the_check():
    confirm(propose())
    assert not run_checks(tags=[Tags.database], databases=["default"])
    forget()
    field = FieldDefinition("threshold", FieldKind.CONFIDENCE_THRESHOLD, 0.9)
    register(PolicyDefinition(KEY, "Of a file", "", (field,)))
    assert [error.id for error in run_checks(tags=[Tags.database], databases=["default"])] == ["confidence.E005"]


def test_key__anybody_but_a_superuser__is_refused():
    row = propose()
    for person in (admin_of(WorkspaceFactory()), UserFactory()):
        for act in (lambda p: propose(actor=p), lambda p: confirm(row, p)):
            with pytest.raises(PermissionRefused, match="superuser"):
                act(person)
        with pytest.raises(PermissionRefused, match="superuser"):
            refuse_policy_key(actor=person, proposed_id=row.pk, reason="No.")
        assert signed_in(person).get(reverse("admin:governance_policykey_changelist")).status_code == 403
    with pytest.raises(NotFound):
        confirm_policy_key(actor=SuperuserFactory(), proposed_id=0, reason="x")


@pytest.mark.parametrize(
    "text, told",
    [
        ("not toml", "not TOML"),
        (EXAMPLE.replace("0.95", "0.3"), "Default of claims.auto_pay.pay_threshold"),
        (EXAMPLE + EXAMPLE.replace(KEY, "claims.other"), "one policy at a time"),
        ("", "must not be empty"),
    ],
)
def test_key__what_is_not_one_policy__is_refused_naming_policy_and_field(text, told):
    with pytest.raises(InvalidInput, match=told):
        propose(text)
    with pytest.raises(InvalidInput, match="reason"):
        propose(reason=" ")
    assert not PolicyKey.objects.exists()


def test_rows__nobody_changes_them():
    event = confirm(propose())
    for row in (event, event.proposed):
        with pytest.raises(AppendOnlyViolation):
            row.save()
        with pytest.raises(AppendOnlyViolation):
            row.delete()


def test_audit_page__of_every_workspace__has_both_steps():
    confirm(propose())
    lines = every_line(actor=SuperuserFactory(), workspace=WorkspaceFactory(), wanted=Wanted(title="Policy keys"))
    assert [(line.what, line.about) for line in lines] == [
        ("Policy key: confirmed", KEY),
        ("Policy key: proposed", KEY),
    ]


def test_pages__one_superuser_proposes__another_confirms__and_the_definitions_show_it():
    WorkspaceFactory()
    first, second = signed_in(SuperuserFactory()), signed_in(SuperuserFactory())
    add = reverse("admin:governance_policykey_add")
    assert KEY in first.get(add).content.decode()
    assert "must lie between" in words(first.post(add, {"text": EXAMPLE.replace("0.95", "0.3"), "reason": "x"}))
    assert first.post(add, {"text": EXAMPLE, "reason": "Claims are next."}).status_code == 302
    row = PolicyKey.objects.get()
    page = reverse("admin:governance_policykey_change", args=[row.pk])
    verb = reverse("admin:governance_policykey_confirm", args=[row.pk])
    assert "Waits for a second superuser" in words(second.get(page))
    assert first.post(verb, {"reason": "Myself."}).status_code == 403
    assert second.post(verb, {"reason": "Looked at."}).status_code == 302
    assert f"Pay a claim {KEY}" in words(signed_in(UserFactory()).get(reverse("admin:definitions")))
    assert "Confirmed by" in words(second.get(page))
    assert second.post(verb, {"reason": "Again."}).status_code == 409


@pytest.mark.django_db(transaction=True)
def test_key__other_process_that_runs__knows_it_without_a_restart():
    code = (
        "import django; django.setup(); from governance.definitions import get_definition;"
        "from confidence_project.foundation.errors import UnknownPolicyKey\n"
        f"try: get_definition({KEY!r}); print('known')\n"
        "except UnknownPolicyKey: print('unknown', flush=True)\n"
        "input()\n"
        f"print(get_definition({KEY!r}).title, flush=True)"
    )
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "confidence_project.settings",
    }
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as other:  # fmt: skip
        assert other.stdout.readline().strip() == "unknown"
        confirm(propose())
        assert other.communicate("\n", timeout=60)[0].strip() == "Pay a claim"


def test_key__parent__is_kept_and_may_be_another_key_of_the_desk():
    confirm(propose())
    forget()
    child = EXAMPLE.replace(KEY, "claims.small").replace('description = ""', f'parent = "{KEY}"')
    confirm(propose(child))
    forget()
    forget("claims.small")
    assert family_of("claims.small") == family_of(KEY) == {KEY, "claims.small"}
    with pytest.raises(InvalidInput, match="parent of policy key"):
        propose(child.replace("claims.small", "claims.large").replace(f'parent = "{KEY}"', 'parent = "nobody"'))


def test_definition__as_it_is_stored__is_the_one_that_was_read():
    row = propose()
    stored = json.loads(row.definition)
    assert stored["fields"]["pay_threshold"]["max_step"] == 0.05
    assert "key" not in stored
    assert "toggle" not in stored
