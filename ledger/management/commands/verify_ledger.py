"""`manage.py verify_ledger`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from confidence_project.foundation.commands import DomainCommand
from confidence_project.foundation.errors import InvalidInput
from ledger.transparency.notes import VerifierKey
from ledger.transparency.services import configured_signer
from ledger.transparency.verification import CLOCK_TOLERANCE, verify_ledger
from ledger.transparency.witnesses import WitnessKey, WitnessPolicy
from ledger.transparency.witnessing import configured_policy


class Command(DomainCommand):
    help = "Recompute every leaf of the log from its row, and check every checkpoint. Ends non-zero on any difference."
    examples = """
  manage.py verify_ledger
  manage.py verify_ledger --archives /srv/confidence/archives
  manage.py verify_ledger --checkpoint kept-in-june.checkpoint --verifier-key "$(cat ledger.vkey)"

Only a checkpoint that was kept elsewhere shows that the whole log was not made anew.
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--verifier-key",
            action="append",
            default=[],
            metavar="KEY",
            help="public key that signed checkpoints, may be repeated; default: that of CONFIDENCE_LOG_KEY",
        )
        parser.add_argument(
            "--checkpoint",
            action="append",
            type=Path,
            default=[],
            metavar="FILE",
            help="a checkpoint that was kept elsewhere, may be repeated",
        )
        parser.add_argument(
            "--witness-key",
            action="append",
            default=[],
            metavar="KEY",
            help="verifier key of a witness, may be repeated; default: those of CONFIDENCE_LOG_WITNESSES",
        )
        parser.add_argument(
            "--witnesses-needed",
            type=int,
            metavar="N",
            help="how many witnesses must have cosigned the last checkpoint and each that was kept; default: all",
        )
        parser.add_argument(
            "--clock-tolerance",
            type=float,
            metavar="MINUTES",
            default=CLOCK_TOLERANCE / timedelta(minutes=1),
            help="how much earlier than a checkpoint that does not hold it a row may say that it was written "
            "(default: %(default)g)",
        )

        parser.add_argument(
            "--archives",
            type=Path,
            metavar="FOLDER",
            help="check the archives of removed rows, too: their hashes, and each row against its leaf",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        keys = [VerifierKey.parse(text) for text in options["verifier_key"]] or [configured_signer().verifier]
        report = verify_ledger(
            verifiers=keys,
            kept_notes=[_read(path) for path in options["checkpoint"]],
            clock_tolerance=timedelta(minutes=options["clock_tolerance"]),
            witnesses=_witnesses(options["witness_key"], options["witnesses_needed"]),
            archives=options["archives"],
        )
        for problem in report.problems:
            self.stderr.write(problem)
        self.stdout.write(
            f"{report.leaves} leaves and {report.checkpoints} checkpoints checked; "
            f"{report.not_yet_logged} rows are not in the log yet."
        )
        if report.removed:
            looked = f"{report.archives} archives checked" if options["archives"] else "no archive was looked at"
            self.stdout.write(f"{report.removed} rows were removed and stay leaves of the log; {looked}.")
        if report.problems:
            raise CommandError(f"The ledger is not what was logged and signed: {len(report.problems)} differences.")
        self.stdout.write("Ledger, log and checkpoints agree.")


def _witnesses(texts: list[str], needed: int | None) -> WitnessPolicy:
    policy = configured_policy()
    if texts:
        keys = [WitnessKey.parse(text) for text in texts]
        policy = WitnessPolicy(keys, len(keys))
    return policy if needed is None else WitnessPolicy(policy.keys, needed)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read as a checkpoint.") from error
