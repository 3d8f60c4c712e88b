"""The registry for reading: every policy key with its fields, and where the evidence about it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from calibration.evidence import lead_context
from calibration.evidence.registry import source_for
from governance.definitions import FieldDefinition, FieldKind, PolicyDefinition, all_definitions

KINDS = {
    FieldKind.CONFIDENCE_THRESHOLD: ("Confidence threshold", "allows a confidence at or above it: lower allows more"),
    FieldKind.CONFIDENCE_CEILING: ("Confidence ceiling", "blocks a confidence above it: higher allows more"),
    FieldKind.RISK_THRESHOLD: ("Risk threshold", "blocks a risk at or above it: higher allows more"),
    FieldKind.BUDGET: ("Budget", "bounds what may be spent: higher allows more"),
}
"""What a kind of field is called, and in which direction it allows."""


@dataclass(frozen=True, slots=True)
class DescribedField:
    """A field of a policy, with its kind and its direction in words."""

    field: FieldDefinition

    @property
    def kind(self) -> str:
        return KINDS[self.field.kind][0]

    @property
    def direction(self) -> str:
        return KINDS[self.field.kind][1]


@dataclass(frozen=True, slots=True)
class DescribedDefinition:
    """A policy key as the page of definitions shows it."""

    definition: PolicyDefinition

    @property
    def fields(self) -> Sequence[DescribedField]:
        return [DescribedField(field) for field in self.definition.fields]

    @property
    def evidence_source(self) -> str:
        if self.definition.key == lead_context.POLICY_KEY:
            return lead_context.SOURCE
        return source_for(self.definition.key).name

    @property
    def segment_keys(self) -> Sequence[str]:
        """What findings can be split by; budgets hold for everything."""
        return () if self.definition.key == lead_context.POLICY_KEY else source_for(self.definition.key).segment_keys


def described_definitions() -> list[DescribedDefinition]:
    """Return every registered policy key."""
    return [DescribedDefinition(definition) for definition in all_definitions()]
