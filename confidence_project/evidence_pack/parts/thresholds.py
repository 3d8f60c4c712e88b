"""The thresholds in force, and what certifies them: the promise, its sentence, and its pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.etree import ElementTree

from calibration.findings.reading import Subject
from confidence_project.desk.pictures import DARK, LIGHT, Palette, reliability, risk_coverage
from confidence_project.evidence_pack.frame import Frame
from confidence_project.evidence_pack.parts.part import Column, Part, Picture, Row, as_digest, as_time, moment
from confidence_project.evidence_pack.parts.versions import Version
from confidence_project.foundation.errors import InvalidInput
from confidence_project.foundation.formatting import count, percent, segment, threshold
from governance.policies.config import PolicyConfig, parse_config


def thresholds(frame: Frame, versions: Sequence[Version]) -> Iterator[Part]:
    """Yield the values of each version, and its certificates."""
    rows = [row for version in versions for row in _values(frame, version)]
    yield Part(
        name="thresholds",
        title="Thresholds in force",
        says=["Every value that decided in the period, with the segment of decisions that it was for."],
        columns=[
            Column("version", "Version", kind="number"),
            Column("from", "From (UTC)", as_time, "tight"),
            Column("until", "Until (UTC)", as_time, "tight"),
            Column("segment", "Segment", segment),
            Column("field", "Field"),
            Column("value", "Value", threshold, kind="number"),
            Column("certified", "Certified"),
        ],
        rows=rows,
    )
    yield Part(
        name="certificates",
        title="Certificates",
        says=[
            "What the evidence of each version promised when it was approved. The hash is that of the evidence, which "
            "the entry of the proposal holds whole.",
            *(f"Version {each.number}: {each.why_not_certified}" for each in versions if each.why_not_certified),
        ],
        columns=[
            Column("version", "Version", kind="number"),
            Column("segment", "Segment", segment),
            Column("target_failure_rate", "At most may fail", percent, kind="number"),
            Column("risk_confidence", "Confidence", percent, kind="number"),
            Column("labelled", "Labelled", count, kind="number"),
            Column("sentence", "In words", kind="long"),
            Column("statement", "What is certified", kind="long"),
            Column("evidence_sha256", "Evidence (SHA-256)", as_digest, "tight"),
            Column("evidence", "Evidence", kind="files"),
        ],
        rows=[row for version in versions for row in _certificates(frame, version)],
        pictures=[picture for version in versions for picture in _pictures(version)],
    )


def _values(frame: Frame, version: Version) -> Iterator[Row]:
    definition = frame.asked.definition
    try:
        config = parse_config(definition, version.config)
    except InvalidInput:
        # The gate blocks under such a config, and the pack says so.
        yield {**_head(version, {}), "field": "the config cannot be read: the gate blocked everything"}
        return
    segments = [{}, *(dict(each.match) for each in config.overrides)]
    for place, match in enumerate(segments):
        for field in definition.fields:
            if place == 0 or _singles_out(config, field.name, match):
                value = config.value(definition, field.name, match)
                yield {**_head(version, match), "field": field.name, "value": value}


def _singles_out(config: PolicyConfig, field: str, match: dict[str, str]) -> bool:
    override = config.override_of(field, match)
    return override is not None and dict(override.match) == match


def _head(version: Version, match: dict[str, str]) -> Row:
    promised = version.certificate.segments if version.certificate else ()
    return {
        "version": version.number,
        "from": moment(version.since),
        "until": moment(version.until),
        "segment": match,
        "certified": any({key: value for key, value in each.items() if value} == match for each in promised),
    }


def _certificates(frame: Frame, version: Version) -> Iterator[Row]:
    promise, proposal, evidence = version.certificate, version.proposal, version.evidence
    if promise is None or proposal is None:
        return
    subjects = {tuple(sorted(each.finding.segment.items())): each for each in evidence.subjects} if evidence else {}
    for match in promise.segments:
        subject = subjects.get(tuple(sorted(match.items())))
        yield {
            "version": version.number,
            "segment": dict(match),
            "target_failure_rate": promise.alpha,
            "risk_confidence": round(1 - promise.delta, 12),
            "labelled": subject.finding.labelled if subject else None,
            "sentence": subject.sentence if subject else None,
            "statement": subject.finding.statement if subject else None,
            "evidence_sha256": proposal.evidence_sha256,
            "evidence": [f"{version.folder}/proposal.json"] if frame.prover else [],
        }


def _pictures(version: Version) -> Iterator[Picture]:
    evidence = version.evidence if version.certificate else None
    for number, subject in enumerate(evidence.subjects if evidence else (), start=1):
        target = subject.wanted.target_failure_rate
        for chart in ("reliability", "risk-coverage"):
            light, dark = (_drawn(subject, chart, target, palette) for palette in (LIGHT, DARK))
            if light and dark:
                yield Picture(
                    name=f"version-{version.number}-{number}-{chart}",
                    words=f"Version {version.number}, {subject.title}. {_words_of(light)}",
                    light=light,
                    dark=dark,
                )


def _drawn(subject: Subject, chart: str, target: float, palette: Palette) -> bytes | None:
    finding = subject.finding
    if chart == "reliability":
        return reliability(finding.reliability.equal_mass, palette) if finding.reliability else None
    return risk_coverage(
        finding.fair_curve,
        palette,
        share=finding.share_of_all,
        current=finding.at_current,
        recommended=finding.at_recommended,
        target=target,
    )


def _words_of(picture: bytes) -> str:
    """Title and description, as the picture itself says them."""
    root = ElementTree.fromstring(picture)  # noqa: S314 - we have just drawn it
    return ". ".join(each.text or "" for each in root if each.get("id") in ("title", "desc"))
