"""`manage.py certify FILE`: a threshold with its proof from a labelled file; no server, no workspace, no database."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.template.loader import render_to_string
from tqdm import tqdm

from calibration.evidence.files import FileCounts, count_file
from calibration.findings.certificates import Certificate, certify, thresholds_file
from calibration.findings.figures import describe, describe_step
from calibration.parameters import MIN_RATE
from calibration.statistics.checks import MAX_DELTA
from confidence_project.desk.pictures import LIGHT, reliability, risk_coverage
from confidence_project.foundation.commands import DomainCommand
from confidence_project.foundation.errors import InvalidInput
from confidence_project.foundation.formatting import count, percent
from governance.vocabulary import AnyName
from ledger.imports.mapper import Mapper
from ledger.imports.options import add_file_options, format_for, mapping_of, read_mapping_file
from ledger.imports.records import Format, Record
from ledger.imports.rows import check_constants
from ledger.imports.services import check_file
from ledger.imports.source import Source, open_source

SEGMENT_KEYS = ("provider", "model", "confidence_kind", "task", "options", "channel")


class Command(DomainCommand):
    requires_system_checks: list[str] = []
    help = (
        "From a file of labelled decisions: how low may the threshold be, with which confidence? Prints it for each "
        "model with its sentence, or why nothing is certified and how many labels are missing. Stores nothing."
    )
    examples = """
  manage.py certify answers.csv
  manage.py certify answers.csv --target-failure-rate 0.1 --html certificate.html --thresholds thresholds.json
  manage.py certify export.csv --column confidence=ai_conf,success=ok --scale percent
  manage.py certify traces.jsonl --form mlflow
  manage.py certify labels.jsonl --segment provider,model,task --json
  manage.py certify verbalised.csv --band

Needed: a confidence and whether it was right, by column or by option; import_decisions reads files alike. A file that
is labelled whole counts whole; where labels are missing, say with --in-force under which threshold it was decided.
"""

    def add_arguments(self, parser: CommandParser) -> None:
        add_file_options(parser)
        parser.add_argument("--mapping", metavar="FILE.json", help="what the columns mean, in the form of --preview")
        parser.add_argument("--target-failure-rate", type=float, default=0.05, metavar="RATE", help="default: 0.05")
        parser.add_argument("--risk-confidence", type=float, default=0.95, metavar="SHARE", help="default: 0.95")
        parser.add_argument("--in-force", type=float, default=0.0, metavar="VALUE", help="the threshold at the time")
        parser.add_argument(
            "--band", action="store_true", help="look for an upper bound, too: for models most wrong where most certain"
        )
        parser.add_argument("--segment", metavar="KEYS", help=f"of {', '.join(SEGMENT_KEYS)}; default: provider,model")
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument("--html", type=Path, metavar="PAGE", help="write one page with pictures")
        parser.add_argument("--thresholds", type=Path, metavar="PATH", help="write the certified thresholds as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        alpha, delta = options["target_failure_rate"], round(1 - options["risk_confidence"], 12)
        if (
            not MIN_RATE <= alpha <= 1 - MIN_RATE
            or not MIN_RATE <= delta <= MAX_DELTA
            or not 0 <= options["in_force"] <= 1
        ):
            raise InvalidInput(
                "--target-failure-rate lies between 0 and 1, --risk-confidence between 0.75 and 1, --in-force 0 to 1."
            )
        path = None if options["file"] == "-" else Path(options["file"])
        kept = read_mapping_file(Path(options["mapping"])) if options["mapping"] else None
        mapping = mapping_of({**options, "ignore_unknown": True}, kept)
        check_constants(mapping.constants)
        layout = format_for(path, options["format"], mapping)
        mapper = Mapper(mapping, is_text=layout.is_text, needed=("confidence", "success"), declared=AnyName())
        with open_source(path, sys.stdin.buffer) as source:
            check_file(source, layout, mapper, on_progress=lambda: None)
            counts = self._count(source, layout, mapper, options["segment"])
            sha256 = source.sha256
        certificates = certify(
            counts.segments, alpha=alpha, delta=delta, in_force=options["in_force"], band=options["band"]
        )
        if not certificates:
            raise CommandError(f"No row could be read. {_reasons(counts)}")
        facts = {"file_sha256": sha256, "target_failure_rate": alpha, "risk_confidence": options["risk_confidence"]}
        self._write(certificates, counts, facts, options)

    def _count(self, source: Source, layout: Format, mapper: Mapper, segment: str | None) -> FileCounts:
        never_pooled = ("task", "options") if mapper.mapping.reply else ()
        usual = ("provider", "model", "confidence_kind", *never_pooled)
        keys = tuple(segment.split(",")) if segment is not None else usual
        if not set(keys) <= set(SEGMENT_KEYS):
            raise InvalidInput(f"Segments are split by some of: {', '.join(SEGMENT_KEYS)}.")
        with (
            closing(layout.records(source)) as records,
            tqdm(total=source.size, unit="B", unit_scale=True, disable=None, desc="reading", leave=False) as bar,
        ):
            return count_file(_watched(records, source, bar), mapper, segment_by=keys)

    def _write(
        self, certificates: list[Certificate], counts: FileCounts, facts: Mapping[str, Any], options: Mapping[str, Any]
    ) -> None:
        alpha, delta = facts["target_failure_rate"], round(1 - facts["risk_confidence"], 12)
        if options["thresholds"]:
            written = {**thresholds_file(certificates, alpha=alpha, delta=delta), "file_sha256": facts["file_sha256"]}
            _save(options["thresholds"], json.dumps(written, indent=2) + "\n")
        if options["html"]:
            pages = [{"certificate": each, **_pictures(each, alpha)} for each in certificates]
            page = {"certificates": pages, "counts": counts, "reasons": _reasons(counts), **facts}
            _save(options["html"], render_to_string("desk/certificate.html", page))
        if options["json"]:
            found = {
                **facts,
                "rows": counts.rows,
                "unlabelled": counts.unlabelled,
                "rejected": dict(counts.rejected),
                "certificates": [each.to_json() for each in certificates],
            }
            self.stdout.write(json.dumps(found, indent=2))
            return
        self.stdout.write(
            f"{count(counts.rows)} rows, {count(counts.unlabelled)} without a label. Wanted: a failure rate of at most "
            f"{percent(alpha)} among what is allowed, with {percent(1 - delta, 4)} confidence for all of them together."
        )
        for each in certificates:
            said = [each.answer.figures, each.not_counted, each.answer.statement]
            self.stdout.write(f"\n{each.name}: {each.verdict}")
            self.stdout.write("\n".join(f"  {line}" for line in said if line))
        if counts.unlabelled:
            self.stdout.write(
                "\nRows without a label were left out: the certificates hold if nothing about how a decision went, and "
                "nothing about its confidence, decided whether it was labelled."
            )
        if counts.rejected:
            self.stderr.write(_reasons(counts))


def _watched(records: Iterable[Record], source: Source, bar: Any) -> Iterator[Record]:
    for place, record in enumerate(records):
        if not place % 5_000:
            bar.update(source.position - bar.n)
        yield record


def _reasons(counts: FileCounts) -> str:
    lines = [f"{count(number)} rows: {reason}" for reason, number in counts.rejected.most_common(10)]
    return "Not read: " + "; ".join(lines) + "." if lines else ""


def _pictures(certificate: Certificate, alpha: float) -> dict[str, str]:
    described, step = describe(certificate.subject), describe_step(certificate.subject, certificate.answer)
    floor = certificate.subject.cohort.floor or 0.0
    drawn = {
        "reliability": reliability(described["reliability"].equal_mass, LIGHT),
        "risk": risk_coverage(
            [point for point in described["operating_curve"] if point.threshold >= floor],
            LIGHT,
            share=1.0,
            current=step["at_current"],
            recommended=step["at_recommended"],
            target=alpha,
        ),
    }
    return {name: picture.decode() for name, picture in drawn.items() if picture}


def _save(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise InvalidInput(f"A file that was asked for cannot be written: {error.strerror}.") from error
