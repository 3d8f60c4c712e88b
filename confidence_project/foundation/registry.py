"""What an app below asks of apps above, which it must not import: they register it, from `AppConfig.ready`."""

from __future__ import annotations

from typing import Generic, TypeVar

from confidence_project.foundation.errors import InvalidInput

ThingT = TypeVar("ThingT")

ONLY = ""
"""The key of what there is one of."""


class Registry(Generic[ThingT]):
    """Things of one kind by key. `what` names the kind in messages."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.things: dict[str, ThingT] = {}

    def register(self, thing: ThingT, *keys: str) -> None:
        """Put `thing` under `keys`, or without any as the only one of its kind; the same again is fine.

        Raises
        ------
        InvalidInput
            Another one is registered under one of the keys; nothing was registered.
        """
        keys = keys or (ONLY,)
        taken = next((key for key in keys if self.things.get(key, thing) != thing), None)
        if taken is not None:
            where = f" under {taken}; register yours under a key of its own" if taken else ""
            raise InvalidInput(f"Another {self.what} is registered already{where}.")
        self.things.update(dict.fromkeys(keys, thing))

    def get(self, key: str = ONLY) -> ThingT | None:
        """Return what is registered under `key`, None when nothing is."""
        return self.things.get(key)

    @property
    def keys(self) -> list[str]:
        """Every key, in order."""
        return sorted(self.things)

    def all(self) -> list[ThingT]:
        """Return everything that is registered, by key."""
        return [self.things[key] for key in self.keys]
