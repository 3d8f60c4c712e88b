"""`manage.py deliver_webhooks`: see `governance.webhooks.delivery`."""

from __future__ import annotations

from typing import Any

from confidence_project.foundation.commands import DomainCommand
from governance.notices.delivery import send_overdue_notices
from governance.webhooks.delivery import deliver_overdue


class Command(DomainCommand):
    """Send what is overdue, say how many."""

    help = (
        "Send the webhooks and the notices by e-mail that no task came for: a crash lost it, or the worker was down. "
        "Run it every minute, beside the worker."
    )
    examples = """
  manage.py deliver_webhooks
"""

    def handle(self, **options: Any) -> None:
        self.stdout.write(f"{deliver_overdue()} overdue webhook(s) attempted.")
        if people := send_overdue_notices():
            self.stdout.write(f"Overdue notices sent to {people} person(s).")
