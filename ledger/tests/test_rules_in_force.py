"""The forms by which rates and labelling rules are set show those in force, to whoever may set them there."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.urls import reverse

from governance.controls.services import set_audit_sampling, stop_audit_sampling
from governance.sampling_rates import read_rates
from governance.tests.browser import signed_in, words
from governance.tests.factories import WorkspaceFactory, admin_of
from ledger.labelling.rules import set_labelling_rules

pytestmark = pytest.mark.django_db

KEY = "confidence_gate"
SAMPLING, RULES = (reverse(f"admin:{name}_add") for name in ("governance_auditsampling", "ledger_labellingrules"))


def test_form__shows_what_is_in_force_and_who_set_it():
    workspace = WorkspaceFactory(name="Post room")
    admin = admin_of(workspace)
    common = {"actor": admin, "workspace": workspace, "policy_key": KEY, "reason": "Test."}
    pages = signed_in(admin)
    assert "In force now" not in words(pages.get(SAMPLING)) + words(pages.get(RULES))
    set_audit_sampling(**common, rates=read_rates(Decimal("0.05"), [{"side": "allowed", "from": 0.9, "rate": 0.01}]))
    set_labelling_rules(**common, due_days=3, twice_share=Decimal("0.1"), confirms_wrong=True)
    said = words(pages.get(SAMPLING))
    assert "In force now" in said
    assert "Of what is not allowed otherwise: 5 %" in said
    assert admin.username in said.partition("What holds")[2]
    said = words(pages.get(RULES))
    for part in ("blind", "due after 3 days", "answered twice: 10 %", "what is wrong is confirmed", "no judge"):
        assert part in said.partition("What holds")[2]
    stranger = signed_in(admin_of(WorkspaceFactory()))
    assert "In force now" not in words(stranger.get(SAMPLING)) + words(stranger.get(RULES))
    stop_audit_sampling(**common)
    assert "In force now" not in words(pages.get(SAMPLING))
