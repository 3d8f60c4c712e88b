"""A proposal comes into being."""

from __future__ import annotations

import hashlib
import json
import math
from datetime import timedelta

import pytest
from django.utils import timezone

from confidence_project.foundation.errors import InvalidInput, NotFound, PermissionRefused, UnknownPolicyKey
from governance.models import ConfidencePolicy, ConfidencePolicyProposal
from governance.tests.factories import (
    KEY,
    SuperuserFactory,
    UserFactory,
    WorkspaceFactory,
    admin_of,
    applied,
    approved,
    config_of,
    pending,
    viewer_of,
)

pytestmark = pytest.mark.django_db
Origin = ConfidencePolicyProposal.Origin


def of_person(workspace, author, value=0.85, **fields):
    return pending(workspace, value, origin=Origin.PERSON, author=author, **fields)


def test_open__no_policy_yet__base_is_version_zero_with_the_defaults():
    proposal = pending(WorkspaceFactory())
    assert (proposal.status, proposal.base_version) == ("PENDING", 0)
    assert proposal.base_config == {
        "values": {"confidence_threshold": 0.9, "confidence_ceiling": 1.0},
        "overrides": [],
    }
    assert ConfidencePolicy.objects.count() == 0


def test_open__policy_exists__base_is_what_is_in_force():
    workspace = WorkspaceFactory()
    applied(workspace, 0.8)
    proposal = pending(workspace, 0.7)
    assert (proposal.base_version, proposal.base_config) == (1, config_of(0.8))


def test_open__evidence__is_canonical_json_and_its_hash_is_that_of_the_text():
    proposal = pending(WorkspaceFactory(), evidence={"b": 0.1, "a": ["é", 1.0, None]})
    proposal.refresh_from_db()
    assert proposal.evidence == '{"a":["\\u00e9",1.0,null],"b":0.1}'
    assert proposal.evidence_sha256 == hashlib.sha256(proposal.evidence.encode()).hexdigest()


@pytest.mark.parametrize("value", [math.nan, math.inf, object(), {1, 2}])
def test_open__evidence_that_is_not_json__refused(value):
    with pytest.raises(InvalidInput, match="must be JSON"):
        pending(WorkspaceFactory(), evidence={"value": value})


def test_open__same_origin_open__superseded_with_an_event():
    workspace = WorkspaceFactory()
    older = approved(workspace)
    newer = pending(workspace, 0.85)
    older.refresh_from_db()
    assert (older.status, newer.status) == ("SUPERSEDED", "PENDING")
    assert list(older.events.values_list("verb", "from_status", "to_status")) == [
        ("open", "", "PENDING"),
        ("approve", "PENDING", "APPROVED"),
        ("supersede", "APPROVED", "SUPERSEDED"),
    ]


def test_open__other_origin_or_key_or_workspace__left_alone():
    workspace = WorkspaceFactory()
    kept = [
        of_person(workspace, admin_of(workspace)),
        pending(workspace, policy_key="decision_gate", config={"values": {}}),
        pending(WorkspaceFactory()),
    ]
    pending(workspace)
    for proposal in kept:
        proposal.refresh_from_db()
        assert proposal.status == "PENDING"


def test_open__stale_row_of_the_same_origin__expires_instead_of_being_superseded():
    workspace = WorkspaceFactory()
    stale = pending(workspace)
    ConfidencePolicyProposal.objects.filter(pk=stale.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    pending(workspace)
    stale.refresh_from_db()
    assert stale.status == "EXPIRED"


def test_open__expiry__follows_the_setting(settings):
    settings.CONFIDENCE_PROPOSAL_EXPIRY_DAYS = 3
    proposal = pending(WorkspaceFactory())
    assert proposal.expires_at - proposal.created_at == timedelta(days=3)


@pytest.mark.parametrize(
    "config",
    [
        {"values": {"confidence_threshold": 1.2}},
        {"values": {"confidence_threshold": -0.01}},
        {"values": {"confidence_threshold": math.nan}},
        {"values": {"confidence_threshold": "0.9"}},
        {"values": {"confidence_threshold": None}},
        {"values": {"confidence_threshold": True}},
        {"values": {"confidence_threshold": 0.12345}},
        {"values": {"other": 0.5}},
        {"value": {}},
        {"values": {}, "overrides": [{"match": {}, "values": {"confidence_threshold": 0.5}}]},
        {"values": {}, "overrides": [{"match": {"colour": "red"}, "values": {"confidence_threshold": 0.5}}]},
        {"values": {}, "overrides": [{"match": {"task": "a task"}, "values": {"confidence_threshold": 0.5}}]},
        [],
        None,
    ],
)
def test_open__config_that_the_definition_refuses__invalid_input_and_no_row(config):
    with pytest.raises(InvalidInput):
        pending(WorkspaceFactory(), config=config)
    assert ConfidencePolicyProposal.objects.count() == 0


def test_open__unknown_policy_key__says_which_are_known():
    with pytest.raises(UnknownPolicyKey, match="decision_gate"):
        pending(WorkspaceFactory(), policy_key="no.such.key")


@pytest.mark.parametrize("field", ["title", "summary"])
@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
def test_open__text_that_a_database_refuses__clear_error_without_the_text(field, text):
    with pytest.raises(InvalidInput, match=f"The {field} holds a NUL or half of a surrogate pair") as caught:
        pending(WorkspaceFactory(), **{field: text})
    assert caught.value.problems[0].pointer == f"/{field}"


@pytest.mark.parametrize("title", ["", "  ", "x" * 201, 5])
def test_open__title_missing_or_too_long__refused(title):
    with pytest.raises(InvalidInput, match="The title must"):
        pending(WorkspaceFactory(), title=title)


def test_open__person__author_is_kept_with_name_and_event():
    workspace = WorkspaceFactory()
    author = admin_of(workspace)
    proposal = of_person(workspace, author)
    assert (proposal.author, proposal.author_name) == (author, author.username)
    assert proposal.events.get().actor_name == author.username


def test_open__person_who_is_viewer__refused_and_told_who_may():
    workspace = WorkspaceFactory()
    with pytest.raises(PermissionRefused, match="admin membership"):
        of_person(workspace, viewer_of(workspace))


def test_open__person_of_another_workspace__not_found():
    with pytest.raises(NotFound):
        of_person(WorkspaceFactory(), admin_of(WorkspaceFactory()))


def test_open__person_without_rationale__refused():
    workspace = WorkspaceFactory()
    with pytest.raises(InvalidInput, match="The rationale must not be empty"):
        of_person(workspace, admin_of(workspace), summary=" ")


def test_open__person_who_changes_nothing__refused():
    workspace = WorkspaceFactory()
    with pytest.raises(InvalidInput, match="nothing to change"):
        of_person(workspace, admin_of(workspace), 0.9)


def test_open__author_and_origin_disagree__refused():
    workspace = WorkspaceFactory()
    for fields in [{"origin": Origin.PERSON}, {"author": SuperuserFactory()}, {"origin": "oracle"}]:
        with pytest.raises(InvalidInput):
            pending(workspace, **fields)


def test_open__person_with_a_large_step__needs_the_acknowledgement_which_is_stored():
    workspace = WorkspaceFactory()
    author = admin_of(workspace)
    with pytest.raises(InvalidInput, match="acknowledge"):
        of_person(workspace, author, 0.69)
    assert of_person(workspace, author, 0.69, acknowledge_large_step=True).large_step_acknowledged
    assert not of_person(workspace, author, 0.7).large_step_acknowledged


def test_open__large_step_inside_a_segment__needs_the_acknowledgement():
    workspace = WorkspaceFactory()
    with pytest.raises(InvalidInput, match="acknowledge"):
        of_person(workspace, admin_of(workspace), config=config_of(0.6, model="m-1"))


def test_open__large_step_only_where_two_overrides_meet__needs_the_acknowledgement():
    """The override of the model shields the provider's; without it the value falls from 0.9 to 0.72 and then 0.6."""
    workspace = WorkspaceFactory()
    provider = {"match": {"provider": "p"}, "values": {"confidence_threshold": 0.65}}
    model = {"match": {"model": "m"}, "values": {"confidence_threshold": 0.9}}
    applied(workspace, config={"values": {"confidence_threshold": 0.8}, "overrides": [provider, model]})
    without_model = {"values": {"confidence_threshold": 0.8}, "overrides": [provider]}
    with pytest.raises(InvalidInput, match="acknowledge"):
        of_person(workspace, admin_of(workspace), config=without_model)


def test_open__overrides_that_overlap_beyond_review__refused():
    workspace = WorkspaceFactory()
    overrides = [
        {"match": {key: f"{key}-{number}"}, "values": {"confidence_threshold": 0.85}}
        for key in ("task", "model", "provider", "channel")
        for number in range(6)
    ]
    with pytest.raises(InvalidInput, match="too many ways"):
        of_person(workspace, admin_of(workspace), config={"values": {}, "overrides": overrides})


def test_open__stored_policy_has_become_invalid__can_be_mended_by_a_large_step():
    workspace = WorkspaceFactory()
    ConfidencePolicy.objects.create(
        workspace=workspace, policy_key=KEY, config={"values": {"confidence_threshold": 7}}, version=3
    )
    author = admin_of(workspace)
    with pytest.raises(InvalidInput, match="acknowledge"):
        of_person(workspace, author, 0.9)
    assert of_person(workspace, author, 0.9, acknowledge_large_step=True).base_version == 3


def test_open__anonymous_like_author__not_found():
    workspace = WorkspaceFactory()
    author = UserFactory(is_active=False)
    with pytest.raises(NotFound):
        of_person(workspace, author)


def test_open__config__is_stored_in_one_canonical_order():
    overrides = [
        {"match": {"provider": "p"}, "values": {"confidence_threshold": 0.8}},
        {"match": {"provider": "p", "model": "m"}, "values": {"confidence_threshold": 0.7}},
    ]
    stored = pending(WorkspaceFactory(), config={"values": {}, "overrides": overrides}).config
    assert json.dumps(stored["overrides"]) == json.dumps(
        [{**overrides[1], "match": {"model": "m", "provider": "p"}}, overrides[0]]
    )
