"""`manage.py enforce_append_only`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from confidence_project.foundation.commands import DomainCommand
from confidence_project.foundation.triggers.guarding import restore


class Command(DomainCommand):
    help = "Put back the triggers that keep append-only tables and write-once columns as they are, and the views."
    examples = """
  manage.py check --database default      # names what is missing
  manage.py enforce_append_only           # puts it back
  manage.py verify_ledger                 # says whether a row was changed in the meantime
"""
    # The check that sends people here fails until this command has run.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=list(connections))

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        restored = restore(connection)
        for name in restored:
            self.stdout.write(f"{name} was missing and is back.")
        if not restored:
            self.stdout.write("Every trigger and view is in place.")
