"""Whatever people do in whatever order: the history is complete, and the policy is what its last revision says."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from confidence_project.foundation.errors import DomainError
from governance.models import ConfidencePolicy, ConfidencePolicyProposal, ConfidencePolicyRevision
from governance.tests.factories import SuperuserFactory, WorkspaceFactory, admin_of, config_of
from governance.workflow import (
    apply_confidence_policy_proposal,
    approve_confidence_policy_proposal,
    open_proposal,
    reject_confidence_policy_proposal,
    rollback_confidence_policy_revision,
)

Origin = ConfidencePolicyProposal.Origin
STEPS = st.one_of(
    st.tuples(st.just("open"), st.sampled_from(Origin.values), st.integers(75, 95)),
    st.tuples(st.sampled_from(["approve", "reject", "apply"]), st.integers(0, 5), st.none()),
    st.tuples(st.just("roll back"), st.integers(0, 5), st.none()),
)


class Invariants(TestCase):
    @settings(max_examples=40, deadline=None)
    @given(st.lists(STEPS, max_size=25))
    def test_any_sequence_of_steps__keeps_the_invariants(self, steps):
        workspace = WorkspaceFactory()
        people = [admin_of(workspace), admin_of(workspace), SuperuserFactory()]
        for verb, choice, number in steps:
            try:
                self.take(workspace, people, verb, choice, number)
            except DomainError:
                continue
        self.check(workspace)

    def take(self, workspace, people, verb, choice, number):
        author, reviewer, superuser = people
        if verb == "open":
            open_proposal(
                workspace=workspace,
                policy_key="confidence_gate",
                origin=choice,
                author=author if choice == Origin.PERSON else None,
                title="A change",
                summary="Because.",
                config=config_of(number / 100),
                evidence={"number": number},
            )
            return
        common = {"workspace": workspace, "reason": "Because."}
        if verb == "roll back":
            revisions = list(ConfidencePolicyRevision.objects.in_workspace(workspace))
            if revisions:
                revision = revisions[choice % len(revisions)]
                rollback_confidence_policy_revision(actor=superuser, revision_id=revision.pk, **common)
            return
        proposals = list(ConfidencePolicyProposal.objects.in_workspace(workspace))
        if proposals:
            act, actor = {
                "approve": (approve_confidence_policy_proposal, reviewer),
                "reject": (reject_confidence_policy_proposal, reviewer),
                "apply": (apply_confidence_policy_proposal, superuser),
            }[verb]
            act(actor=actor, proposal_id=proposals[choice % len(proposals)].pk, **common)

    def check(self, workspace):
        revisions = list(ConfidencePolicyRevision.objects.in_workspace(workspace).order_by("version"))
        assert [revision.version for revision in revisions] == list(range(len(revisions)))
        for before, after in itertools.pairwise(revisions):
            assert before.config_after == after.config_before
        policy = ConfidencePolicy.objects.in_workspace(workspace).first()
        if policy:
            assert (policy.version, policy.config) == (revisions[-1].version, revisions[-1].config_after)
        open_origins = []
        for proposal in ConfidencePolicyProposal.objects.in_workspace(workspace):
            steps = list(proposal.events.values_list("from_status", "to_status"))
            assert [before for before, _ in steps] == ["", *(after for _, after in steps[:-1])]
            assert steps[-1][1] == proposal.status
            assert (proposal.status == "APPLIED") == (proposal.revisions.count() == 1)
            if proposal.is_open:
                open_origins.append(proposal.origin)
                assert proposal.base_version == (policy.version if policy else 0)
        assert len(open_origins) == len(set(open_origins))
