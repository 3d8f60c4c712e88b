"""Bodies of telemetry records for tests, each under an id that no other has."""

from __future__ import annotations

import itertools
from typing import Any

_numbers = itertools.count(1)


def _body(**fields: Any) -> dict[str, Any]:
    return {"external_id": f"record-{next(_numbers)}", **fields}


def interaction(**changes: Any) -> dict[str, Any]:
    return _body(**{"provider": "acme", "model": "acme-1", "input_tokens": 812, **changes})


def draft(**changes: Any) -> dict[str, Any]:
    return _body(**{"provider": "acme", "model": "acme-1", "confidence": 0.93, "action": "send", **changes})


def sentiment(**changes: Any) -> dict[str, Any]:
    return _body(**{"sentiment": "positive", **changes})


def overseer_decision(**changes: Any) -> dict[str, Any]:
    message_ref = f"message-{next(_numbers)}"
    return _body(**{"message_ref": message_ref, "stage": "gate", "decision": "book", "confidence": 0.8, **changes})


def booking(**changes: Any) -> dict[str, Any]:
    return _body(**{"parse_confidence": 0.97, "auto_booked": True, **changes})
