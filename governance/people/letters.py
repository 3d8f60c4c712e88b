"""Letters by e-mail, sent at once and in plain text; without a mail server in the settings none are sent."""

from __future__ import annotations

import logging
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail

from governance.models import Invitation

log = logging.getLogger(__name__)


def send_invitation(invitation: Invitation, link: str) -> bool:
    """Send the link to whom it is for; False when there is no address or no mail server, or it took no letter."""
    if not (settings.CONFIDENCE_SENDS_MAIL and invitation.email):
        return False
    subject = f"Invitation to {invitation.workspace.name}"
    lines = [
        f"{invitation.created_by_name} invites you to {invitation.workspace.name} in the Enterprise Confidence System.",
        "",
        link,
        "",
        f"The link works once, until {invitation.expires_at:%Y-%m-%d %H:%M} UTC. Whoever has it can use it: keep it.",
    ]
    try:
        return send_mail(subject, "\n".join(lines), None, [invitation.email]) == 1
    except (SMTPException, OSError) as error:
        log.warning("an invitation could not be sent (%s)", type(error).__name__)
        return False
