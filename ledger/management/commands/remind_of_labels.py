"""`manage.py remind_of_labels`: see `ledger.labelling.due`."""

from __future__ import annotations

from typing import Any

from confidence_project.foundation.commands import DomainCommand
from governance.models import Workspace
from ledger.labelling.due import remind


class Command(DomainCommand):
    help = (
        "Tell reviewers and admins by e-mail of workspaces in which answers about drawn decisions are overdue, as they "
        "want their notices. Run it every day, before send_digests; whoever was told on the same day is not told again."
    )
    examples = """
  manage.py remind_of_labels
"""

    def handle(self, **options: Any) -> None:
        self.stdout.write(f"Labels are overdue in {remind(Workspace.objects.order_by('slug'))} workspace(s).")
