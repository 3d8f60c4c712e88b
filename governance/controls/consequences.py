"""What a control would do, in sentences, before somebody puts it in force."""

from __future__ import annotations

from urllib.parse import urlsplit

from confidence_project.foundation.formatting import percent
from governance.controls.seen import seen_names, was_seen
from governance.definitions import title_of
from governance.models import BlockedSource, Rollout, WebhookEndpoint, Workspace

NAMED = 12
"""So many names that were seen are offered in a sentence."""


def of_kill_switch(workspace: Workspace, policy_key: str) -> list[str]:
    """Say what a kill switch stops, what it ends for good, and who is told."""
    where = f"under {title_of(policy_key)} in {workspace.name}" if policy_key else f"in {workspace.name}"
    stops = f"From the next call on every decision {where} is blocked, until somebody releases the switch."
    return [stops, _what_ends(workspace, policy_key), _who_is_told(workspace)]


def of_block(workspace: Workspace, kind: str, value: str) -> list[str]:
    """Say that a name was never seen, so that blocking it blocks nothing; nothing where it was."""
    if was_seen(workspace, kind, value) is not False:
        return []
    names = list(seen_names(workspace, kind))
    seen = f"Seen were: {', '.join(names[:NAMED])}{' and others' if len(names) > NAMED else ''}." if names else ""
    return [
        f"No decision in {workspace.name} ever named a {BlockedSource.Kind(kind).label.lower()} of just this name, so "
        f"nothing that goes on now is blocked by it. Names are compared letter by letter. {seen}".strip()
    ]


def _what_ends(workspace: Workspace, policy_key: str) -> str:
    rollouts = Rollout.objects.in_workspace(workspace).active()
    ended = [
        f"that of proposal {each.proposal_id} of {title_of(each.policy_key)} ({_stage(each)})"
        for each in (rollouts.filter(policy_key=policy_key) if policy_key else rollouts)
    ]
    if not ended:
        return "It ends nothing for good: no rollout is under way there."
    return f"These rollouts end for good, and do not come back when it is released: {'; '.join(ended)}."


def _stage(rollout: Rollout) -> str:
    share = f", {percent(float(rollout.share))} of the cases" if rollout.share else ""
    return f"{rollout.get_status_display().lower()}{share}"


def _who_is_told(workspace: Workspace) -> str:
    endpoints = WebhookEndpoint.objects.in_workspace(workspace).filter(is_active=True)
    hosts = [
        urlsplit(each.url).hostname or ""
        for each in endpoints
        if WebhookEndpoint.Event.KILL_SWITCH_ENGAGED in each.events
    ]
    told = f"Told at once by webhook: {', '.join(sorted(set(hosts)))}." if hosts else "Nobody is told by webhook."
    return f"{told} Hosts read the reason with every answer, and members on their first page."
