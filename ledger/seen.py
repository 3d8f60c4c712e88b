"""Which providers and models the decisions of a workspace name, for the controls that block them."""

from __future__ import annotations

from governance.admin_kit.list_filters import values_in_use
from governance.controls.seen import SeenSources
from governance.models import Workspace
from ledger.models import DecisionRecord


def _is_named(workspace: Workspace, kind: str, name: str) -> bool:
    return DecisionRecord.objects.in_workspace(workspace).filter(**{kind: name}).exists()


SEEN_IN_DECISIONS = SeenSources(
    names=lambda workspace, kind: values_in_use(DecisionRecord.objects.all(), workspace, kind), has=_is_named
)
"""Names by the indexes of the ledger's list: as many look-ups as there are names."""
