"""`manage.py remove_second_factor`: see `governance.access.second_factor`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from confidence_project.foundation.commands import DomainCommand
from governance.access.second_factor import remove_second_factor
from governance.selectors import person_by_name


class Command(DomainCommand):
    help = "Remove the second factor of somebody who has lost it, recovery codes and all. Make sure who is asking."
    examples = """
  manage.py remove_second_factor alice
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="The account's user name.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not remove_second_factor(person=person_by_name(options["name"])):
            raise CommandError("This account has no second factor.")
        self.stdout.write("Removed. The password alone signs in now, unless the settings demand a second factor.")
