"""From a record of telemetry to the verdicts that the ledger holds about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ledger.domains.book import links_to
from ledger.models import DecisionRecord
from telemetry.models import AIInteraction, HostRecord
from telemetry.verdicts import Verdict

MOST_VERDICTS = 500
"""No more verdicts than this are looked up at once: a call may have served many decisions."""


def verdicts_on_records(records: Sequence[HostRecord]) -> Mapping[int, Sequence[Verdict]]:
    """Return the verdicts on records of one kind, each in its own workspace, by primary key: at most two queries.

    An interaction has those that rest on it; a draft, a reply to it, an overseer's decision and a booking the one that
    is linked to it.
    """
    if isinstance(records[0], AIInteraction):
        return _resting_on(records)
    links = links_to(records)
    decisions = DecisionRecord.objects.in_bulk([link.decision_id for link in links.values()])
    return _grouped((key, decisions[link.decision_id]) for key, link in links.items() if link.decision_id in decisions)


def _resting_on(interactions: Sequence[HostRecord]) -> Mapping[int, Sequence[Verdict]]:
    decisions = DecisionRecord.objects.filter(
        workspace_id__in={interaction.workspace_id for interaction in interactions},
        interaction_id__in=[interaction.pk for interaction in interactions],
    )[:MOST_VERDICTS]
    return _grouped((decision.interaction_id, decision) for decision in decisions if decision.interaction_id)


def _grouped(found: Iterable[tuple[int, DecisionRecord]]) -> Mapping[int, Sequence[Verdict]]:
    verdicts: dict[int, list[Verdict]] = defaultdict(list)
    for key, decision in found:
        verdicts[key].append(
            Verdict(
                decision_id=decision.pk,
                policy_key=decision.policy_key,
                verdict=decision.gate_verdict,
                reason=decision.gate_reason,
            )
        )
    return verdicts
