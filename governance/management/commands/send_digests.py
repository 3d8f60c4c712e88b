"""`manage.py send_digests`: see `governance.notices.delivery`."""

from __future__ import annotations

from typing import Any

from confidence_project.foundation.commands import DomainCommand
from governance.notices.delivery import send_digests


class Command(DomainCommand):
    """Send the daily letters, say how many."""

    help = "Send one letter to everybody who wants their notices once a day. Run it every day, when people begin."
    examples = """
  manage.py send_digests
"""

    def handle(self, **options: Any) -> None:
        self.stdout.write(f"{send_digests()} digest(s) sent.")
