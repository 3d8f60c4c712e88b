"""What a process keeps in memory: the entries that were used last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)
ThingT = TypeVar("ThingT")


class Kept(Generic[KeyT, ThingT]):
    """The `size` things that were used last, for all threads of a process."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._things: OrderedDict[KeyT, ThingT] = OrderedDict()
        self._lock = Lock()

    def get(self, key: KeyT) -> ThingT | None:
        """Return what is kept under `key`, None when nothing is."""
        with self._lock:
            thing = self._things.get(key)
            if thing is not None:
                self._things.move_to_end(key)
            return thing

    def put(self, key: KeyT, thing: ThingT) -> None:
        """Keep `thing` in place of what was there; what was used least goes when there are too many."""
        with self._lock:
            self._things[key] = thing
            self._things.move_to_end(key)
            if len(self._things) > self._size:
                self._things.popitem(last=False)

    def __len__(self) -> int:
        return len(self._things)
