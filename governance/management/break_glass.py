"""What the break-glass commands share: for when the site cannot be reached and a policy has to change.

They go through the same services as everything else. `--break-glass` lifts the rule that two people take part; the
change is marked, and a review stays open until a superuser who had no part in it closes it.
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from confidence_project.foundation.commands import DomainCommand
from governance.access.permissions import Person
from governance.selectors import person_by_name


def add_acknowledgement(parser: ArgumentParser) -> None:
    """Add the option that confirms a loosening without a certificate."""
    parser.add_argument(
        "--acknowledge-uncertified",
        action="store_true",
        help="It loosens, and no review and no candidate bears that out; kept in the history.",
    )


class ActingCommand(DomainCommand):
    """A command that acts for a person."""

    can_break_glass = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", type=int, help="As the list command shows it.")
        parser.add_argument("--as", dest="username", required=True, metavar="USERNAME", help="Who acts.")
        parser.add_argument("--reason", default="", help="Why; kept in the history.")
        if self.can_break_glass:
            parser.add_argument(
                "--break-glass",
                action="store_true",
                help="One superuser acts alone, in an emergency; needs --reason and opens a review.",
            )

    def handle(self, *args: Any, **options: Any) -> None:
        self.act(person_by_name(options["username"]), options)

    def act(self, actor: Person, options: dict[str, Any]) -> None:
        """Call the service and say what was done."""
        raise NotImplementedError
