"""`manage.py rollback_revision`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from governance.access.permissions import Person
from governance.management.break_glass import ActingCommand, add_acknowledgement
from governance.selectors import revision_by_id
from governance.workflow import rollback_confidence_policy_revision


class Command(ActingCommand):
    help = "Bring back what a revision put in force, as a new revision."
    examples = """
  manage.py list_revisions --workspace acme --policy-key decision_gate
  manage.py rollback_revision 5 --as root --reason "Failures doubled since version 3"
  manage.py rollback_revision 5 --as root --expected-version 3 --break-glass --reason "Incident 42"
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add_acknowledgement(parser)
        parser.add_argument(
            "--expected-version", type=int, metavar="N", help="Do nothing unless the policy is at this version."
        )

    def act(self, actor: Person, options: dict[str, Any]) -> None:
        revision = rollback_confidence_policy_revision(
            actor=actor,
            workspace=revision_by_id(options["id"]).workspace,
            revision_id=options["id"],
            reason=options["reason"],
            expected_version=options["expected_version"],
            break_glass=options["break_glass"],
            acknowledge_uncertified=options["acknowledge_uncertified"],
        )
        self.stdout.write(f"{revision.policy_key} is at version {revision.version} now (revision {revision.pk}).")
