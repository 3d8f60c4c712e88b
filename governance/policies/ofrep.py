"""OpenFeature remote evaluation (OFREP 0.3.0): policies as flags, so that clients in any language can read them.

`<policy key>.<field>` is a number and `<policy key>.enabled` a boolean. Where a policy asks people, `<policy
key>.otherwise` is what becomes of a decision that is not sure enough, `ask` or `block`. Whatever makes the gate block
every decision (a kill switch, automation or auto-booking off, a policy that cannot be used, a blocked provider or
model) is told as a normal value that allows nothing: a client that gets an error, or the reason DISABLED, goes on with
the default in its own code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from confidence_project.foundation.errors import DomainError, NotFound, UnknownField, UnknownPolicyKey
from governance.definitions import ENABLED, OTHERWISE, SEGMENT_KEYS, PolicyDefinition, all_definitions, get_definition
from governance.models import Workspace
from governance.policies import ALLOWS_NOTHING, EffectivePolicy, GateContext, Reason, read_context, read_contexts

SOURCE_BLOCKS = frozenset({Reason.PROVIDER_BLOCKED, Reason.MODEL_BLOCKED})
"""Gate reasons that the context decides."""


class MalformedRequest(DomainError):
    """The body is not a JSON object."""

    code = "malformed_evaluation_request"
    title = "The evaluation request cannot be read"


class InvalidContext(DomainError):
    """The evaluation context is missing, or an attribute in it has the wrong type."""

    code = "invalid_evaluation_context"
    title = "The evaluation context is not valid"


class FlagNotFound(NotFound):
    """No flag has this key: flags are `<policy key>.<field>`, `<policy key>.enabled` and, of some, `.otherwise`."""

    code = "flag_not_found"
    title = "There is no such flag"


@dataclass(frozen=True, slots=True)
class EvaluationContext:
    """What a client says about the case.

    `segment` chooses the override and `case_key` (the targeting key, blank: none) the arm of a canary; `canonical` is
    all of it, as one text.
    """

    segment: Mapping[str, str]
    case_key: str
    canonical: str


class Evaluation(TypedDict):
    """A flag as the protocol shows it. `gate_reason` in the metadata: why nothing is allowed."""

    key: str
    value: float | bool | str
    reason: str
    variant: str
    metadata: Mapping[str, str | int]


def parse_context(body: bytes) -> EvaluationContext:
    """Read the body of an evaluation request: `{"context": {…}}`.

    Segment attributes may be spelled in snake_case or camelCase; null is the same as absent. Other attributes are
    allowed and not used.

    Raises
    ------
    MalformedRequest, InvalidContext
        The message names the attribute that is wrong and never its value.
    """
    try:
        document = json.loads(body, parse_constant=_refuse_constant)
        context = document.get("context") if isinstance(document, dict) else None
        canonical = json.dumps(context, sort_keys=True, separators=(",", ":"))
    except (ValueError, RecursionError):
        raise MalformedRequest("The body is not valid JSON.") from None
    if not isinstance(document, dict):
        raise MalformedRequest('The body must be a JSON object: {"context": {…}}.')
    if not isinstance(context, dict):
        raise InvalidContext('The body needs a "context", which must be an object; {} says nothing about the case.')
    case_key = _attribute(context, "targetingKey") or ""
    given = {name: _attribute(context, name, _camel_case(name)) for name in SEGMENT_KEYS}
    # What a decision counts as at the gate, too, when it does not say where its confidence comes from.
    segment = {"confidence_kind": "unspecified", **{name: value for name, value in given.items() if value is not None}}
    return EvaluationContext(segment, case_key, canonical)


def evaluate_flag(
    workspace: Workspace, key: str, context: EvaluationContext, governing: GateContext | None = None
) -> Evaluation:
    """Return one flag as it stands now, or as `governing` has it. Raise `FlagNotFound` for an unknown key."""
    policy_key, _, name = key.rpartition(".")
    try:
        definition = get_definition(policy_key)
        if name not in _names(definition):
            definition.field(name)
    except (UnknownPolicyKey, UnknownField) as error:
        raise FlagNotFound(f"Flags are <policy key>.<field> and <policy key>.{ENABLED}. {error.detail}") from error
    governing = governing or read_context(workspace, policy_key)
    return _flags(definition, governing, context).evaluate(name)


def evaluate_all_flags(workspace: Workspace, context: EvaluationContext) -> list[Evaluation]:
    """Return every flag of every registered policy key: one indexed statement, however many there are."""
    return [
        flags.evaluate(name)
        for flags in _read_flags(workspace, all_definitions(), context)
        for name in _names(flags.definition)
    ]


def _names(definition: PolicyDefinition) -> list[str]:
    names = [field.name for field in definition.fields]
    return [*names, ENABLED, OTHERWISE] if definition.asks else [*names, ENABLED]


def entity_tag(flags: list[Evaluation], context: EvaluationContext) -> str:
    """Return the tag, without quotes, of what was evaluated (values, versions, what blocks) and for which context."""
    return hashlib.sha256(json.dumps([flags, context.canonical]).encode()).hexdigest()


def is_current(if_none_match: str, tag: str) -> bool:
    """True when an `If-None-Match` header names `tag`: plain, quoted, weak, in a list, or by `*`."""
    # The protocol's own examples have no quotes, and a proxy that compresses weakens the tag it passes on.
    named = (each.strip().removeprefix("W/").strip('"') for each in if_none_match.split(","))
    return if_none_match.strip() == "*" or tag in named


@dataclass(frozen=True, slots=True)
class Split:
    """On which side of a canary a case is."""

    rollout_id: int
    is_canary: bool


@dataclass(frozen=True, slots=True)
class _Flags:
    """What decides the flags of one policy, for one context, at this moment."""

    definition: PolicyDefinition
    context: GateContext
    segment: Mapping[str, str]
    gate_reason: str | None
    split: Split | None

    def evaluate(self, name: str) -> Evaluation:
        """Return the flag of a field, or one of the two beside them."""
        value, reason = self._value(name)
        version, policy = self.context.policy_version, self.context.policy
        metadata: dict[str, str | int] = {"policy_version": version, "source": policy.source if policy else "db"}
        variant = f"v{version}"
        if self.gate_reason:
            metadata["gate_reason"] = self.gate_reason
        if self.split:
            metadata |= {
                "rollout": self.split.rollout_id,
                "rollout_arm": "canary" if self.split.is_canary else "control",
            }
            variant += f"-canary-{self.split.rollout_id}" if self.split.is_canary else ""
        return {
            "key": f"{self.definition.key}.{name}",
            "value": value,
            "reason": reason,
            "variant": value if isinstance(value, str) else variant,
            "metadata": metadata,
        }

    def _value(self, name: str) -> tuple[float | bool | str, str]:
        """Return the value, and by the protocol's words what decided it."""
        decided_by = "TARGETING_MATCH" if self.gate_reason in SOURCE_BLOCKS else "STATIC"
        if name == ENABLED:
            return self.gate_reason is None, decided_by
        if name == OTHERWISE:
            return "block" if self.gate_reason else "ask", decided_by
        field, policy = self.definition.field(name), self.context.policy
        if policy is None or self.gate_reason:
            return ALLOWS_NOTHING[field.kind], decided_by
        value = policy.value(field.name, **self.segment)
        # A float even where the config holds an integer: clients are typed, and one that asks for a float and reads
        # `1` goes on with its own default.
        if self.split:
            return float(value), "SPLIT"
        overridden = policy.config.override_of(field.name, self.segment) is not None
        return float(value), "TARGETING_MATCH" if overridden else "STATIC"


def _read_flags(
    workspace: Workspace, definitions: Iterable[PolicyDefinition], context: EvaluationContext
) -> Iterator[_Flags]:
    by_key = {definition.key: definition for definition in definitions}
    for key, governing in read_contexts(workspace, by_key).items():
        yield _flags(by_key[key], governing, context)


def _flags(definition: PolicyDefinition, governing: GateContext, context: EvaluationContext) -> _Flags:
    by_source = {name: context.segment.get(name, "") for name in ("provider", "model")}
    ruling = governing.ruling(context.case_key)
    split = _split(governing.policy, context.case_key)
    return _Flags(definition, ruling, context.segment, ruling.block(**by_source), split)


def _split(policy: EffectivePolicy | None, case_key: str) -> Split | None:
    """Return how a canary put the case; None: no canary, or no case."""
    if policy is None or policy.rollout is None or not (policy.rollout.is_canary and case_key):
        return None
    return Split(policy.rollout.rollout_id, policy.rollout.decides(case_key))


def _attribute(context: Mapping[str, Any], *spellings: str) -> str | None:
    given = [context[spelling] for spelling in spellings if context.get(spelling) is not None]
    if not all(isinstance(value, str) for value in given):
        raise InvalidContext(f"The attribute {spellings[0]} must be a string.")
    if len(set(given)) > 1:
        raise InvalidContext(f"The attribute {spellings[0]} is given in two spellings that differ.")
    return given[0] if given else None


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


def _refuse_constant(name: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")
