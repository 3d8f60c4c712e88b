"""A message in the form that its receiver takes: our own (docs/webhooks.md), or a post in a channel of Slack or Teams.

Of an event a post says what happened, where, to which policy, and the link: all of it names and none of it text that
somebody wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from governance.models import WebhookEndpoint, Workspace

Message = Mapping[str, Any]


def in_form(form: str, message: Message, workspace: Workspace) -> Message:
    """Return `message` (type, timestamp, data with its url) as a receiver of this form takes it."""
    post = _POSTS.get(form)
    return message if post is None else post(headline_of(message["type"]), message["data"], workspace)


def headline_of(event: str) -> str:
    """Return what happened, in a few words."""
    return str(WebhookEndpoint.Event(event).label)


def place_of(policy_key: str | None, workspace: Workspace) -> str:
    """Return where it happened: the policy, where there is one, and the workspace."""
    return f"{policy_key} in {workspace.name}" if policy_key else workspace.name


def _slack(headline: str, data: Mapping[str, Any], workspace: Workspace) -> Message:
    """Slack's incoming webhooks: `text` in mrkdwn, where `&`, `<` and `>` are control characters."""
    place = place_of(data["policy_key"], workspace)
    for character, reference in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        place = place.replace(character, reference)
    return {"text": f"*{headline}*\n{place}\n<{data['url']}|Open>"}


def _teams(headline: str, data: Mapping[str, Any], workspace: Workspace) -> Message:
    """Teams' workflows for webhooks: a message whose attachment is an Adaptive Card, which reads some Markdown."""
    place = "".join(f"\\{each}" if each in r"\`*_[]" else each for each in place_of(data["policy_key"], workspace))
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {"type": "TextBlock", "text": headline, "weight": "Bolder", "wrap": True},
            {"type": "TextBlock", "text": place, "wrap": True},
        ],
        "actions": [{"type": "Action.OpenUrl", "title": "Open", "url": data["url"]}],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


_POSTS: Mapping[str, Callable[[str, Mapping[str, Any], Workspace], Message]] = {
    WebhookEndpoint.Form.SLACK: _slack,
    WebhookEndpoint.Form.TEAMS: _teams,
}
