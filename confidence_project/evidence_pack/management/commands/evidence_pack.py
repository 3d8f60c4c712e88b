"""`manage.py evidence_pack WORKSPACE POLICY_KEY --from DAY --to DAY --seed SEED`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from confidence_project.evidence_pack.building import build_pack
from confidence_project.evidence_pack.frame import MOST_DECISIONS, SEED_RULE, asked
from confidence_project.foundation.commands import DomainCommand, moment
from governance.selectors import workspace_by_slug


class Command(DomainCommand):
    help = (
        "Write what a risk officer files about a policy and a period: thresholds with their certificates, who decided, "
        "outcomes against the promise, incidents, and decisions that the auditor's seed picks, with proofs; signed."
    )
    examples = """
  manage.py evidence_pack acme decision_gate --from 2026-07-01 --to 2026-10-01 --seed auditor-2026-q3
  manage.py evidence_pack acme decision_gate --from 2026-07-01 --to 2026-10-01 --seed 8c1f --decisions 200 \\
      --output q3.zip

Open index.html in it. docs/evidence-pack.md says what is in it and how it is checked without this software.
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("workspace", metavar="WORKSPACE", help="its slug")
        parser.add_argument("policy_key", metavar="POLICY_KEY")
        parser.add_argument(
            "--from", dest="since", type=moment, required=True, metavar="TIME", help="a date, or a time"
        )
        parser.add_argument("--to", dest="until", type=moment, required=True, metavar="TIME", help="excluded")
        parser.add_argument("--seed", required=True, help=f"of the auditor: {SEED_RULE}")
        parser.add_argument(
            "--decisions",
            type=int,
            default=50,
            metavar="N",
            help=f"how many to draw, up to {MOST_DECISIONS}; default: 50",
        )
        parser.add_argument("--output", type=Path, metavar="PATH", help="default: a name that says what it is, here")

    def handle(self, *args: Any, **options: Any) -> None:
        question = asked(
            workspace=workspace_by_slug(options["workspace"]),
            policy_key=options["policy_key"],
            **{name: options[name] for name in ("since", "until", "seed", "decisions")},
        )
        path: Path = options["output"] or Path(question.file_name)
        try:
            with path.open("xb") as file:
                built = build_pack(question, file)
        except FileExistsError:
            raise CommandError("There is a file of this name already; choose another with --output.") from None
        except OSError as error:
            raise CommandError(f"The file of --output cannot be written: {error.strerror}.") from error
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        name = "Written" if options["output"] else question.file_name
        self.stdout.write(f"{name}: {built.drawn} decisions drawn, as of {built.as_of:%Y-%m-%d %H:%M:%S} UTC.")
        if not built.is_signed:
            self.stderr.write("Not signed: no signing key is configured (CONFIDENCE_LOG_KEY).")
        if built.unproved:
            self.stderr.write(f"{built.unproved} decisions have no proof; sample.csv says why.")
