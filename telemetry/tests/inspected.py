"""AI calls for tests of the inspector, stored as a host's are."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from django.utils import timezone

from governance.models import Workspace
from telemetry.models import AIInteraction
from telemetry.recorder import record_interaction

CUT = {"tokens": 1500, "budget": 1500, "truncated": True}
WHOLE = {"tokens": 500, "budget": 1500, "truncated": False}


def bundle(**changes: Any) -> dict[str, Any]:
    """Metadata with a context bundle of 2,000 tokens, its history cut."""
    fields = {"profile": "auto_send.evaluate", "tokenBudget": 4000, "totalTokens": 2000, "truncated": True}
    return {"leadContextBundle": {**fields, "sections": {"knowledge": WHOLE, "history": CUT}, **changes}}


def call(workspace: Workspace, *, days_ago: float = 0, metadata: Any = None, **fields: Any) -> AIInteraction:
    """Record a call of some days ago."""
    created_at = timezone.now() - timedelta(days=days_ago)
    return record_interaction(workspace=workspace, created_at=created_at, metadata=metadata, **fields)


def many_calls(workspace: Workspace, number: int, *, days: float = 20) -> list[AIInteraction]:
    """Store calls of two features, three providers and five models, spread over days, each tenth an error."""
    dice, now = random.Random(3), timezone.now()
    return AIInteraction.objects.bulk_create(
        AIInteraction(
            workspace=workspace,
            external_id=f"many-{place}",
            created_at=now - timedelta(days=days * place / number),
            feature_id=f"feature-{place % 2}",
            provider=f"provider-{place % 3}",
            model=f"model-{place % 5}",
            status="error" if place % 10 == 0 else "ok",
            duration_ms=dice.lognormvariate(6, 1) if place % 7 else None,
            input_tokens=dice.randrange(2000),
            output_tokens=dice.randrange(500),
            metadata=bundle() if place % 4 == 0 else None,
        )
        for place in range(number)
    )
