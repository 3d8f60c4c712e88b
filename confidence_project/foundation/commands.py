"""What management commands have in common: examples in the help, domain errors as exit codes, times as arguments."""

from __future__ import annotations

from argparse import ArgumentTypeError, RawDescriptionHelpFormatter
from datetime import UTC, datetime, time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, DjangoHelpFormatter
from django.utils.dateparse import parse_date, parse_datetime

from confidence_project.foundation.errors import DomainError


class _HelpFormatter(DjangoHelpFormatter, RawDescriptionHelpFormatter):
    """Django's order of options, with the line breaks of the examples."""


class DomainCommand(BaseCommand):
    """A command that calls services. `examples` is shown at the end of its help."""

    examples = ""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        epilog = "examples:\n" + self.examples.strip("\n") if self.examples else None
        return super().create_parser(prog_name, subcommand, formatter_class=_HelpFormatter, epilog=epilog, **kwargs)

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except DomainError as error:
            raise CommandError(error.detail) from error


def moment(text: str) -> datetime:
    """Read an RFC 3339 time with its offset, or a date as midnight UTC: for `type=` of an argument."""
    try:
        day = parse_date(text)
        at = datetime.combine(day, time(), tzinfo=UTC) if day else parse_datetime(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        # argparse's own message would repeat what was given.
        raise ArgumentTypeError("give a date (midnight UTC) or a time with its offset: 2026-01-31T09:30:00Z")
    return at


def number(text: str) -> float:
    """Read a number: for `type=` of an argument."""
    try:
        return float(text)
    except ValueError:
        raise ArgumentTypeError("give a number, for example 0.05") from None


def pair(text: str) -> tuple[str, str]:
    """Read KEY=VALUE: for `type=` of an argument."""
    key, equals, value = text.partition("=")
    if not equals:
        raise ArgumentTypeError("give KEY=VALUE, for example model=gpt-5")
    return key, value
