"""Run the benchmarks beside that of the gate: `python -m benchmarks [NAME …]`, on the database of DATABASE_URL."""

from __future__ import annotations

import argparse
import importlib
import os
import sys

import django

SUITES = {
    "gateway_overhead": "CPU that the gateway adds to a model's answer",
    "calibration_speed": "a calibration run beside the bare GROUP BY of its window, and beside pandas and scikit-learn",
    "counts_speed": "a calibration from the daily counts, beside the ledger and the bare GROUP BY; keeping up",
    "engines_speed": "the same calibration in the ledger and in DuckDB over Parquet, beside the bare GROUP BY of each",
    "statistics_speed": "each statistic on 10,001 groups, and the draws of the noise floor",
    "pages_speed": "server time and queries of the admin's pages over ten million decisions",
    "years": "inserts, pages and a run over one month, as the months behind it become more (PostgreSQL)",
    "inspector_speed": "server time and queries of the inspector over a million AI interactions",
    "track_overhead": "what track_ai_call adds to an AI call, beside the bare INSERT of its row",
}


def main() -> int:
    listing = "\n".join(f"  {name:22} {what}" for name, what in SUITES.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog=f"suites:\n{listing}\n\nexample:\n  python -m benchmarks calibration_speed",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", choices=[*SUITES, []], metavar="NAME", help="suites to run (default: all)")
    names = parser.parse_args().names or list(SUITES)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "confidence_project.settings")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    # As in production: Django keeps every query it makes while it debugs.
    os.environ["DEBUG"] = "0"
    django.setup()
    for name in names:
        print(f"\n== {name}: {SUITES[name]}", flush=True)
        importlib.import_module(f"benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
