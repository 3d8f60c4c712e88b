"""Registry of policy keys: which fields a policy has, what they mean, and within which bounds they may move.

The keys of no domain are registered at the foot of this module; an app registers those of its domains with `register`
from its `AppConfig.ready`, as a host does; `declared` reads those that people write.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from enum import StrEnum

from confidence_project.foundation.errors import InvalidInput, UnknownField, UnknownPolicyKey
from confidence_project.foundation.registry import Registry
from governance.answer_rules import AnswerRule

SEGMENT_KEYS = ("prompt_hash", "task", "model", "options", "provider", "channel", "confidence_kind")
"""What overrides and rates of sampling may match on. Of two overrides that match as many keys, the one with the earlier
key here wins."""

LATTICE = 10_000
"""Confidences, risks and their thresholds live on a lattice of 4 decimals: value x LATTICE is an integer."""


ENABLED = "enabled"
"""Clients read a value as `<policy key>.<field>`, and whether anything may be allowed as `<policy key>.enabled`."""

OTHERWISE = "otherwise"
"""What becomes of a decision that is not sure enough, where the policy asks people: `<policy key>.otherwise`."""


def to_lattice(value: float) -> int:
    """Return `value` in [0, 1] as an integer 0…10,000, exactly as it is stored.

    A value half-way goes up. `round` takes it to the even neighbour, and no two databases agree on theirs; this rule is
    the same in each that has IEEE doubles.
    """
    return math.floor(value * LATTICE + 0.5)


ParameterKind = str | list[str] | tuple[str, ...]
"""What is kept of an action's parameter: one of `PARAMETER_KINDS`, or a list of the strings that it may be."""

PARAMETER_KINDS = ("number", "boolean", "name")
"""A name is one that this installation knows: a policy key, a prompt key, one of `CONFIDENCE_METADATA_NAMES`."""

STANDARD_ACTIONS: Mapping[str, Mapping[str, ParameterKind]] = {
    "retry": {"attempts": "number", "delay_seconds": "number"},
    "tune": {"parameter": "name", "value": "number"},
    "skip": {},
    "alert": {"severity": ("info", "warning", "error", "critical", "low", "medium", "high")},
}


class FieldKind(StrEnum):
    """What a field of a policy is, and so in which direction it allows."""

    CONFIDENCE_THRESHOLD = "confidence_threshold"  # allow when confidence >= value
    CONFIDENCE_CEILING = "confidence_ceiling"  # and when confidence <= value
    RISK_THRESHOLD = "risk_threshold"  # allow when risk < value
    BUDGET = "budget"  # an upper bound on what may be spent


@dataclass(frozen=True, slots=True)
class FieldDefinition:
    """One number of a policy.

    Parameters
    ----------
    minimum, maximum
        Inclusive bounds; a stored value outside them never reaches the gate.
    max_step
        The largest change that a proposal makes without an explicit acknowledgement.
    """

    name: str
    kind: FieldKind
    default: float
    minimum: float = 0.0
    maximum: float = 1.0
    max_step: float = 0.2
    unit: str = "probability"
    title: str = ""

    def limits_nothing(self, value: float) -> bool:
        """True for a ceiling at its maximum: it blocks no confidence, and is not worth a word."""
        return self.kind is FieldKind.CONFIDENCE_CEILING and value >= self.maximum

    def problem_with_bounds(self) -> tuple[str, str] | None:
        """Return which of the bounds cannot be one, and why; None when they can."""
        greatest = math.inf if self.kind is FieldKind.BUDGET else 1.0
        if not 0 <= self.minimum <= greatest:
            return "minimum", "must not be below 0, nor that of a threshold above 1"
        if not self.minimum <= self.maximum <= greatest or math.isinf(self.maximum):
            return "maximum", "must not be below the minimum, nor that of a threshold above 1"
        return None if 0 < self.max_step < math.inf else ("max_step", "must be a number above 0")

    def problem_with_default(self) -> tuple[str, str] | None:
        """Return why the default cannot be this field's value; None when it can."""
        problem = self.problem_with(self.default)
        return ("default", problem) if problem else None

    def problem_with(self, value: object) -> str | None:
        """Return why `value` cannot be this field's value, or None when it can."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return "must be a finite number"
        if not self.minimum <= value <= self.maximum:
            return f"must lie between {self.minimum:g} and {self.maximum:g}"
        if self.kind is FieldKind.BUDGET:
            return None if value == int(value) else "must be a whole number"
        return None if abs(value * LATTICE - to_lattice(value)) < 1e-6 else "must have at most 4 decimals"


class ReasonCode(StrEnum):
    """Why a verdict is what it is: a code, and its `words` as the end of a sentence."""

    words: str

    def __new__(cls, code: str, words: str) -> ReasonCode:
        member = str.__new__(cls, code)
        member._value_ = code
        member.words = words
        return member


@dataclass(frozen=True, slots=True)
class Toggle:
    """A switch of the workspace (`Workspace.TOGGLES`) that a policy obeys, and the reason while it is off."""

    name: str
    reason: ReasonCode


@dataclass(frozen=True, slots=True)
class PolicyDefinition:
    """What a policy key governs.

    Parameters
    ----------
    actions
        Action types that a decision under this key may recommend, each with the parameters that are kept
        (name to `ParameterKind`); other parameters are dropped, never stored.
    answer
        How answers of decision models are read; None: the gate takes none under this key.
    toggle
        Blocks every decision under this key while it is off; None: only what covers every key does.
    parent
        The key under which its decisions were decided before; blank: none. A key that parts from another takes no
        error probability of its own with it: the reviews and candidates of both share one.
    asks
        What is not sure enough to be allowed is for people: the verdict is `ask` in place of `block`.
    """

    key: str
    title: str
    description: str
    fields: tuple[FieldDefinition, ...]
    actions: Mapping[str, Mapping[str, ParameterKind]] = dataclass_field(default_factory=lambda: STANDARD_ACTIONS)
    answer: AnswerRule | None = None
    toggle: Toggle | None = None
    parent: str = ""
    asks: bool = False

    def field(self, name: str) -> FieldDefinition:
        """Return the field called `name`; raise `UnknownField` when there is none."""
        for candidate in self.fields:
            if candidate.name == name:
                return candidate
        known = ", ".join(candidate.name for candidate in self.fields)
        raise UnknownField(f"Policy {self.key} has no field of that name; it has: {known}.")

    def field_of_kind(self, kind: FieldKind) -> FieldDefinition | None:
        """Return the field of this kind, None when the policy has none; a policy has at most one threshold a kind."""
        for candidate in self.fields:
            if candidate.kind is kind:
                return candidate
        return None

    @property
    def defaults(self) -> dict[str, float]:
        return {candidate.name: candidate.default for candidate in self.fields}

    @property
    def gates_decisions(self) -> bool:
        """True when the gate can decide under this key: it has a confidence threshold."""
        return self.field_of_kind(FieldKind.CONFIDENCE_THRESHOLD) is not None


DEFINITIONS: Registry[PolicyDefinition] = Registry("definition of a policy")
CONFIRMED: Registry[Callable[[Collection[str]], Iterable[PolicyDefinition]]] = Registry("reader of confirmed keys")
"""Reads the definitions that people confirmed in the desk, but for the keys that it is given."""


_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def check(definition: PolicyDefinition) -> None:
    """Raise `InvalidInput`, which names policy and field, where a definition contradicts itself."""
    key, fields = definition.key, definition.fields
    if not _KEY.fullmatch(key):
        raise InvalidInput("A policy key has 1 to 100 letters (ASCII), digits, dots, dashes and underscores.")
    names = [candidate.name for candidate in fields]
    thresholds = [candidate.kind for candidate in fields if candidate.kind is not FieldKind.BUDGET]
    if not names or len(set(names)) < len(names) or len(set(thresholds)) < len(thresholds):
        raise InvalidInput(f"Policy key {key} needs at least one field, each name once, each kind of threshold once.")
    if FieldKind.CONFIDENCE_CEILING in thresholds and FieldKind.CONFIDENCE_THRESHOLD not in thresholds:
        raise InvalidInput(f"Policy key {key} has a confidence ceiling, so it needs a confidence threshold.")
    if not all(name.isidentifier() and name not in (ENABLED, OTHERWISE) for name in names):
        raise InvalidInput(f"Names of fields of {key} are identifiers, and {ENABLED!r} and {OTHERWISE!r} are taken.")
    if definition.asks and not definition.gates_decisions:
        raise InvalidInput(f"Policy key {key} asks people, so it needs a confidence threshold.")
    for candidate in fields:
        problem = candidate.problem_with_bounds() or candidate.problem_with_default()
        if problem:
            raise InvalidInput(f"{problem[0].capitalize()} of {key}.{candidate.name} {problem[1]}.")
    if definition.answer and definition.answer.problem:
        raise InvalidInput(f"The answer rule of policy key {key}: {definition.answer.problem}.")
    if definition.parent and definition.parent not in DEFINITIONS.keys:
        raise InvalidInput(f"The parent of policy key {key} is registered before it; its name is not known.")
    for action, parameters in definition.actions.items():
        for parameter, kind in parameters.items():
            if not _is_parameter_kind(kind):
                raise InvalidInput(
                    f"Parameter {parameter} of action {action} of {key} is one of {', '.join(PARAMETER_KINDS)}, or a "
                    "list of the strings that it may be."
                )


def register(definition: PolicyDefinition) -> None:
    """Add a policy key. The same definition again is fine; another one under a taken key raises `InvalidInput`."""
    check(definition)
    DEFINITIONS.register(definition, definition.key)


def _is_parameter_kind(kind: object) -> bool:
    if isinstance(kind, list | tuple):
        return all(isinstance(value, str) for value in kind)
    return kind in PARAMETER_KINDS


def _known(policy_key: str) -> PolicyDefinition | None:
    if policy_key not in DEFINITIONS.things:
        _learn()
    return DEFINITIONS.get(policy_key)


def _learn() -> None:
    """Take in what was confirmed in the desk since this process last looked; it never changes afterwards."""
    read = CONFIRMED.get()
    for definition in read(list(DEFINITIONS.things)) if read else ():
        DEFINITIONS.things.setdefault(definition.key, definition)


def get_definition(policy_key: str) -> PolicyDefinition:
    """Return the definition of `policy_key`; raise `UnknownPolicyKey` when there is none."""
    definition = _known(policy_key)
    if definition is None:
        raise UnknownPolicyKey(f"The policy key is not registered. Known keys: {', '.join(DEFINITIONS.keys)}.")
    return definition


def title_of(policy_key: str) -> str:
    """Return the title of a policy, or its key when it is not registered (any more)."""
    known = _known(policy_key)
    return known.title if known else policy_key


def family_of(policy_key: str) -> set[str]:
    """Return the keys that share their error probability with this one, itself included."""
    root = _root_of(policy_key)
    return {policy_key, *(definition.key for definition in all_definitions() if _root_of(definition.key) == root)}


def _root_of(policy_key: str) -> str:
    known = _known(policy_key)
    return _root_of(known.parent) if known and known.parent else policy_key


def all_definitions() -> list[PolicyDefinition]:
    """Every registered definition, by key."""
    _learn()
    return DEFINITIONS.all()


def confidence_threshold(name: str, default: float, title: str) -> FieldDefinition:
    """Return the field that a policy which gates has at least."""
    return FieldDefinition(name=name, kind=FieldKind.CONFIDENCE_THRESHOLD, default=default, title=title)


register(
    PolicyDefinition(
        key="confidence_gate",
        title="Confidence gate",
        description="Any decision that a host lets run by its confidence alone.",
        fields=(
            confidence_threshold("confidence_threshold", 0.9, "Least confidence that is allowed"),
            FieldDefinition(
                name="confidence_ceiling",
                kind=FieldKind.CONFIDENCE_CEILING,
                default=1.0,
                title="Greatest confidence that is allowed",
            ),
        ),
        answer=AnswerRule(),
    )
)
register(
    PolicyDefinition(
        key="decision_gate",
        title="Decision gate",
        description="A decision with an LLM's confidence and the risk score of a second model.",
        fields=(
            confidence_threshold("llm_confidence_threshold", 0.6, "Least LLM confidence that is allowed"),
            FieldDefinition(
                name="ml_risk_threshold",
                kind=FieldKind.RISK_THRESHOLD,
                default=0.7,
                title="Risk score from which on everything is blocked",
            ),
        ),
        answer=AnswerRule(),
    )
)
