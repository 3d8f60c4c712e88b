"""Signs of life of a run, written by a thread of its own while the run's connection is busy with a snapshot."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from django.db import DatabaseError, connection

from calibration.models import ConfidenceCalibrationRun
from calibration.services import HEARTBEAT, report_progress

logger = logging.getLogger(__name__)


class Pulse:
    """How far the run is; read by the thread."""

    def __init__(self) -> None:
        self.share = 0.0


@contextmanager
def heartbeat(run: ConfidenceCalibrationRun) -> Iterator[Pulse]:
    """Store the progress of `run` and the time every `HEARTBEAT`, until the block ends."""
    pulse, stop = Pulse(), Event()
    thread = Thread(target=_beat, args=(run, pulse, stop), name=f"heartbeat of run {run.pk}", daemon=True)
    thread.start()
    try:
        yield pulse
    finally:
        stop.set()
        thread.join()


def _beat(run: ConfidenceCalibrationRun, pulse: Pulse, stop: Event) -> None:
    try:
        while not stop.wait(HEARTBEAT.total_seconds()):
            try:
                report_progress(run=run, share=pulse.share)
            except DatabaseError as error:
                # The next beat may come through; a run is dead only after several are missing.
                logger.warning("The heartbeat of run %s could not be stored: %s", run.pk, type(error).__name__)
    finally:
        connection.close()
