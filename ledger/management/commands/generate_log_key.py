"""`manage.py generate_log_key NAME`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from confidence_project.foundation.commands import DomainCommand
from ledger.transparency.notes import SignerKey


class Command(DomainCommand):
    help = "Make a key that signs checkpoints of the ledger. Nothing is stored: keep what it prints."
    examples = """
  manage.py generate_log_key confidence.example.com/ledger

The name is the origin of the log: a URL without a scheme that is yours, so that no two logs share one. Put the
CONFIDENCE_LOG_KEY line into the environment of the service, and give the verifier key to your auditors.
"""
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="origin of the log, without white space and plus signs")

    def handle(self, *args: Any, **options: Any) -> None:
        key = SignerKey.generate(options["name"])
        self.stdout.write(f"CONFIDENCE_LOG_KEY={key.secret_text()}")
        self.stdout.write(f"# verifier key, public: {key.verifier}")
