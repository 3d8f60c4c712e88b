"""The tables of docs/performance.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.gate.figures import Figure
from benchmarks.gate.totals import Total

PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- begin of what make bench measured -->", "<!-- end -->"


def tables(figures: Sequence[Figure], totals: Sequence[Total], said: str) -> str:
    rates = "\n".join(line for figure in figures for line in _lines_of(figure))
    sizes = "\n".join(line for total in totals for line in _lines_of_total(total))
    return (
        f"{said}\n\n"
        "| what | who | a second | median, ms | p99, ms | CPU, ms | this build is |\n"
        "| --- | --- | ---: | ---: | ---: | ---: | --- |\n"
        f"{rates}\n\n"
        "| what | who | | this build has |\n"
        "| --- | --- | ---: | --- |\n"
        f"{sizes}\n"
    )


def _lines_of(figure: Figure) -> Iterator[str]:
    ours = next(iter(figure.tallies.values()))
    for place, (who, tally) in enumerate(figure.tallies.items()):
        ratio = f"{ours.rate / tally.rate:.2f} × as fast" if place else ""
        cpu = f"{tally.cpu / tally.done * 1e3:.2f}" if tally.cpu else ""
        yield (
            f"| {'' if place else figure.name} | {who} | {tally.rate:,.0f} | {tally.latency(0.5) * 1e3:.2f} "
            f"| {tally.latency(0.99) * 1e3:.2f} | {cpu} | {ratio} |"
        )


def _lines_of_total(total: Total) -> Iterator[str]:
    ours = next(iter(total.values.values()))
    digits = 2 if total.unit == "s" else 0
    for place, (who, value) in enumerate(total.values.items()):
        ratio = f"{ours / value:.2f} × as much" if place else ""
        yield f"| {'' if place else total.name} | {who} | {value:,.{digits}f} {total.unit} | {ratio} |"


def write(text: str) -> None:
    """Replace what stands between the marks on the page."""
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{text}{END}{after}")
