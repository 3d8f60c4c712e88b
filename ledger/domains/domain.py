"""What the ledger knows of a domain: which rows are decisions, what a host said of one, and what labels it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Generic, TypeVar

from governance.definitions import PolicyDefinition
from telemetry.models import HostRecord

RowT = TypeVar("RowT", bound=HostRecord)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What became of a decision, as the domain's rows tell it."""

    success: bool
    source: str
    observed_at: datetime
    automation_executed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A decision that a host tells of without having asked the gate. `threshold` None: it named none."""

    allowed: bool
    confidence: Decimal | None
    threshold: Decimal | None
    provider: str
    model: str
    channel: str = ""
    case_key: str = ""
    action_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain(Generic[RowT]):
    """One domain, and the definition of the policy that gates its decisions.

    Parameters
    ----------
    link
        The field of `DomainDecision` that points at its rows.
    is_decision
        False for a row that gates nothing, such as another stage of a message.
    told
        From a row to what it says of a decision that was made without the gate.
    labels
        From rows, locked, to the label of each by primary key; a row without one is unlabelled.
    """

    definition: PolicyDefinition
    model: type[RowT]
    link: str
    is_decision: Callable[[RowT], bool]
    told: Callable[[RowT], Told]
    labels: Callable[[Sequence[RowT]], Mapping[int, Label]]

    @property
    def policy_key(self) -> str:
        return self.definition.key
