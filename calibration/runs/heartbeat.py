"""Signs of life of long work, written by a thread of its own while the work's connection is busy with a snapshot."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from django.db import DatabaseError, connection

from calibration.services import HEARTBEAT

logger = logging.getLogger(__name__)


class Pulse:
    """How far the work is; read by the thread."""

    def __init__(self) -> None:
        self.share = 0.0


@contextmanager
def heartbeat(report: Callable[[float], None], name: str) -> Iterator[Pulse]:
    """Call `report` with the share that is done every `HEARTBEAT`, until the block ends; `name` is what works."""
    pulse, stop = Pulse(), Event()
    thread = Thread(target=_beat, args=(report, name, pulse, stop), name=f"heartbeat of {name}", daemon=True)
    thread.start()
    try:
        yield pulse
    finally:
        stop.set()
        thread.join()


def _beat(report: Callable[[float], None], name: str, pulse: Pulse, stop: Event) -> None:
    try:
        while not stop.wait(HEARTBEAT.total_seconds()):
            try:
                report(pulse.share)
            except DatabaseError as error:
                # The next beat may come through; the work is dead only after several are missing.
                logger.warning("The heartbeat of %s could not be stored: %s", name, type(error).__name__)
    finally:
        connection.close()
