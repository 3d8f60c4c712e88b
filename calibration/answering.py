"""After an apply: an alarm where a model answers otherwise than in the window that its threshold was certified on.

It needs no label, and says nothing of failures: only that the certificate speaks of what was before. It acts on
nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Q
from django.db.models.functions import ExtractIsoWeekDay
from django.utils import timezone

from calibration.models import AnswersAlarm
from calibration.selectors import first_of_each_case
from calibration.statistics.answers import FEWEST, LOOKS_A_MONTH, MONTHLY_RATE, AnswersChange, answers_change
from calibration.watching import promise_of
from confidence_project.foundation import formatting
from governance.models import ConfidencePolicyRevision
from governance.vocabulary import is_alias
from governance.webhooks.outbox import announce_answers_changed
from ledger.models import DecisionRecord

MOST_DAYS = 7
"""So many whole days are put together, at most, until they hold enough answers."""

_BINS = 10
_NAMES_THE_MODEL = ("provider", "model", "task", "channel", "prompt_hash")
"""What a record without a confidence says of its question, too."""

Window = tuple[datetime, datetime]


def look_at_answers(revision: ConfidencePolicyRevision) -> list[AnswersAlarm]:
    """Compare the last whole days with the certificate's window, in each promised segment; return the new alarms.

    The days end at the last midnight (UTC) and begin, as late as they may, where they hold enough answers; before the
    version took effect only where it did so a moment ago. Of the window count the same days of the week, where these
    hold enough answers. Of each case the first decision of a side counts. A segment that has an alarm under this
    version is not looked at again.
    """
    promise = promise_of(revision.proposal) if revision.proposal else None
    certified = _window_of(json.loads(revision.proposal.evidence)) if revision.proposal else None
    if promise is None or certified is None:
        return []
    told = set(AnswersAlarm.objects.filter(revision=revision).values_list("segment", flat=True))
    segments = [segment for segment in promise.segments if _as_text(segment) not in told]
    return [alarm for segment in segments if (alarm := _look(revision, segment, certified)) is not None]


def _window_of(evidence: Mapping[str, Any]) -> Window | None:
    parameters = evidence.get("parameters") or {}
    try:
        start, end = (datetime.fromisoformat(parameters[name]) for name in ("window_from", "window_to"))
    except (KeyError, TypeError, ValueError):
        return None  # a candidate is watched as it goes along, and has no window
    return start, end


def _look(revision: ConfidencePolicyRevision, segment: Mapping[str, str], certified: Window) -> AnswersAlarm | None:
    now = timezone.now()
    midnight = datetime.combine(now.astimezone(UTC).date(), time.min, UTC)
    earliest = max(midnight - timedelta(days=MOST_DAYS), certified[1])
    recent = _days(revision, segment, midnight, earliest)
    before = _count(revision, segment, certified) if recent else None
    if recent is None or before is None:
        return None
    since, after = recent
    days = range((midnight.date() - since).days)
    weekdays = {(since + timedelta(days=day)).isoweekday() for day in days}
    same_days = _count(revision, segment, certified, weekdays)
    if sum(same_days) >= FEWEST:
        # A weekend that is like the weekends of the window is no change.
        before = same_days
    change = answers_change(before, after)
    if change is None or not change.changed:
        return None
    try:
        with transaction.atomic():
            alarm = AnswersAlarm.objects.create(
                revision=revision,
                workspace_id=revision.workspace_id,
                segment=_as_text(segment),
                since=since,
                until=(midnight - timedelta(days=1)).date(),
                answers_before=sum(before),
                answers_after=sum(after),
                unanswered_before=before[-1],
                unanswered_after=after[-1],
                psi=change.psi,
                p_value=change.p_value,
                raised_at=now,
            )
            announce_answers_changed(alarm, revision, _figures(alarm, segment, change), now)
    except IntegrityError:
        return None  # another machine was faster
    return alarm


def _days(
    revision: ConfidencePolicyRevision, segment: Mapping[str, str], midnight: datetime, earliest: datetime
) -> tuple[date, list[int]] | None:
    """Return the first of the fewest last whole days with enough answers, and these; None: there are not enough."""
    start = midnight
    while start - timedelta(days=1) >= earliest:
        start -= timedelta(days=1)
        counts = _count(revision, segment, (start, midnight))
        if sum(counts) >= FEWEST:
            return start.date(), counts
    return None


def _count(
    revision: ConfidencePolicyRevision,
    segment: Mapping[str, str],
    window: Window,
    weekdays: Collection[int] = range(1, 8),
) -> list[int]:
    """Count the answers of a segment by tenth of confidence, and last those that came without one.

    `weekdays` are those of ISO 8601, Monday 1 to Sunday 7.
    """
    exactly = Q(**{key: value or None if key == "options" else value for key, value in segment.items()})
    named = Q(**{key: value for key, value in segment.items() if key in _NAMES_THE_MODEL})
    dated = DecisionRecord.objects.alias(weekday=ExtractIsoWeekDay("occurred_at", tzinfo=UTC))
    asked = dated.filter(
        (exactly & Q(llm_confidence__isnull=False)) | (named & Q(llm_confidence__isnull=True)),
        workspace_id=revision.workspace_id,
        policy_key=revision.policy_key,
        occurred_at__gte=window[0],
        occurred_at__lt=window[1],
        weekday__in=weekdays,
    )
    counts = [0] * (_BINS + 1)
    rows = first_of_each_case(asked).values("llm_confidence").annotate(n=Count("pk")).order_by()
    for confidence, n in rows.values_list("llm_confidence", "n"):
        counts[_BINS if confidence is None else min(int(confidence * _BINS), _BINS - 1)] += n
    return counts


def _as_text(segment: Mapping[str, str]) -> str:
    return json.dumps(dict(segment), sort_keys=True)


def _figures(alarm: AnswersAlarm, segment: Mapping[str, str], change: AnswersChange) -> dict[str, Any]:
    return {
        "alarm_id": alarm.pk,
        "segment": dict(segment),
        "since": alarm.since.isoformat(),
        "answers_before": alarm.answers_before,
        "answers_after": alarm.answers_after,
        "unanswered_before": alarm.unanswered_before,
        "unanswered_after": alarm.unanswered_after,
        "psi": change.psi,
        "p_value": change.p_value,
    }


def explain_answers(alarm: AnswersAlarm) -> str:
    """Say in two sentences what has changed, and what that means for the certificate."""
    segment = json.loads(alarm.segment)
    model = segment.get("model", "")
    who = formatting.segment(segment)
    alias = f" {model} is an alias: which version answers is not known." if is_alias(model) else ""
    return (
        f"{who}: answers otherwise since {alarm.since:%A, %Y-%m-%d}, and the certificate of version "
        f"{alarm.revision.version} speaks of what was before.{alias} PSI {alarm.psi:.2f} over {alarm.answers_after} "
        f"answers; without a usable answer {_share(alarm.unanswered_after, alarm.answers_after)}, "
        f"{_share(alarm.unanswered_before, alarm.answers_before)} before. By chance alone this is said in at most "
        f"{MONTHLY_RATE:.0%} of months of {LOOKS_A_MONTH} days."
    )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}"
