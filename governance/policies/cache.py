"""Configs that this process has read and checked before, so that it need not do so again. Off by default.

A config is kept under the head of the row that it came from: which policy or rollout, its version or id, and when it
was changed. The read path reads the heads anew at every call, so that an apply, a rollback or a step of a rollout
makes what is kept useless at once. `CONFIDENCE_POLICY_CACHE_SECONDS` bounds how long a config is kept whatever its head
says: somebody might change one in the database by hand.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.signals import setting_changed
from django.dispatch import receiver

from governance.policies.config import PolicyConfig

SETTING = "CONFIDENCE_POLICY_CACHE_SECONDS"
MAX_SECONDS = 3600.0
MAX_CONFIGS = 1024


def cache_seconds() -> float:
    """Return how long configs may be kept, 0 for not at all; a setting that is not valid counts as 0."""
    seconds: float = settings.CONFIDENCE_POLICY_CACHE_SECONDS
    return seconds if 0 < seconds <= MAX_SECONDS else 0.0


class ConfigCache:
    """The `MAX_CONFIGS` configs that were used last, for all threads of a process."""

    def __init__(self) -> None:
        self._entries: OrderedDict[Hashable, tuple[float, PolicyConfig]] = OrderedDict()
        self._lock = Lock()

    def get(self, head: Hashable) -> PolicyConfig | None:
        """Return the config under `head`, None when it is missing or as old as the setting allows."""
        with self._lock:
            entry = self._entries.get(head)
            # By the monotonic clock: setting the time back makes nothing younger.
            if entry is None or time.monotonic() - entry[0] >= cache_seconds():
                return None
            self._entries.move_to_end(head)
            return entry[1]

    def put(self, head: Hashable, config: PolicyConfig, *, read_at: float) -> None:
        """Keep `config`; `read_at` is `time.monotonic()` before the database was asked for it."""
        with self._lock:
            self._entries[head] = (read_at, config)
            self._entries.move_to_end(head)
            if len(self._entries) > MAX_CONFIGS:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)


CONFIGS = ConfigCache()


@receiver(setting_changed)
def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == SETTING:
        CONFIGS.clear()


def check_cache_seconds(app_configs: object = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Fail `manage.py check` for a bound that is none."""
    if 0 <= settings.CONFIDENCE_POLICY_CACHE_SECONDS <= MAX_SECONDS:
        return []
    return [
        checks.Error(
            f"{SETTING} does not say for how many seconds a policy may be kept.",
            hint=f"Set it to a number from 0 (nothing is kept) to {MAX_SECONDS:g}, or leave it out.",
            id="governance.E001",
        )
    ]
