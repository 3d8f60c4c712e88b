"""gunicorn's threaded worker, whose threads wait for no client.

gunicorn's own gives a connection to a thread at its first byte, and to the main loop when it is closed; who then sends
or reads slowly holds the one or the other. Here the main loop gathers requests and sends what is left of replies.
"""

from __future__ import annotations

import gc
import logging
import selectors
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

from django.conf import settings
from gunicorn.workers.gthread import TConn, ThreadWorker

from confidence_project.serving.buffered import BufferedSocket

# Beside a file, the form that it is sent with.
FORM_BYTES = 1024**2
LINGER_SECONDS = 2.0
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def _without_what_was_sent(record: logging.LogRecord) -> bool:
    if record.levelno == logging.WARNING and str(record.msg).startswith("Invalid request from"):
        record.msg = "A request was refused that is no HTTP."
    return True


class BufferingWorker(ThreadWorker):
    """Whole requests to the threads; slow ones are cut, and the oldest of them when there are too many."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # In the order in which they began to wait.
        self._waiting: dict[TConn, None] = {}
        self._looked = 0.0

    def load_wsgi(self) -> None:
        super().load_wsgi()
        logging.getLogger("gunicorn.error").addFilter(_without_what_was_sent)
        # What is loaded stays: collections need not look through it, which a bulk would have them do again and again.
        gc.collect()
        gc.freeze()
        self._body_most = max(settings.CONFIDENCE_MAX_BODY_BYTES, settings.CONFIDENCE_IMPORT_MAX_BYTES) + FORM_BYTES

    def accept(self, listener: Any) -> None:
        try:
            connected, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        self.nr_conns += 1
        buffered = BufferedSocket(connected, seconds=settings.CONFIDENCE_CLIENT_SECONDS, body_most=self._body_most)
        conn = TConn(self.cfg, buffered, address, listener.getsockname())
        conn.data_ready = True
        if self.nr_conns >= self.worker_connections and self._waiting:
            self._cut(next(iter(self._waiting)))
        self._receive(conn)

    def on_client_socket_readable(self, conn: TConn, client: Any) -> None:
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        conn.sock.next_request()
        self._receive(conn)

    def _receive(self, conn: TConn, _client: Any = None) -> None:
        if not conn.sock.receive():
            self._drop(conn)
        else:
            self._hand_over(conn)

    def _hand_over(self, conn: TConn) -> None:
        if conn.sock.arriving.whole:
            self._stop_waiting(conn)
            self.enqueue_req(conn)
            return
        if conn not in self._waiting:
            self._wait(conn, selectors.EVENT_READ, self._receive)
        conn.timeout = conn.sock.arrives_until()

    def handle(self, conn: TConn) -> bool:
        """Answer on a connection for as long as its next request comes at once and nobody waits for a thread."""
        while super().handle(conn) and conn.sock.may_go_on:
            if not (self.alive and conn.sock.next_comes(self.tpool._work_queue.empty)):
                return True
        return False

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        self._send_rest(conn, not fs.cancelled() and not fs.exception() and fs.result())

    def _send_rest(self, conn: TConn, again: bool, _client: Any = None) -> None:
        try:
            gone = conn.sock.flush()
        except OSError:
            return self._drop(conn)
        if not gone:
            if conn not in self._waiting:
                self._wait(conn, selectors.EVENT_WRITE, partial(self._send_rest, again=again))
                conn.timeout = conn.sock.leaves_until()
            return None
        self._stop_waiting(conn)
        return self._go_on(conn) if again else self._linger(conn)

    def _go_on(self, conn: TConn) -> None:
        if over := conn.sock.arriving.over:
            conn.sock.next_request(over)
        if over or not conn.sock.arriving.whole:
            # The next request has begun.
            return self._hand_over(conn)
        conn.sock.arriving.held.close()
        conn.set_timeout()
        self.keepalived_conns.append(conn)
        if not self.alive:
            self._cap_keepalive(time.monotonic() + LINGER_SECONDS)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_client_socket_readable, conn))
        return None

    def _linger(self, conn: TConn) -> None:
        """Close once the client has read the reply: bytes of it that nobody read would reset the connection before."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            return self._drop(conn)
        self._wait(conn, selectors.EVENT_READ, self._discard)
        conn.timeout = time.monotonic() + LINGER_SECONDS
        return None

    def _discard(self, conn: TConn, _client: Any) -> None:
        if not conn.sock.discard():
            self._drop(conn)

    def _wait(self, conn: TConn, event: int, turn: Callable[..., None]) -> None:
        self._waiting[conn] = None
        self.poller.register(conn.sock, event, partial(turn, conn))

    def _stop_waiting(self, conn: TConn) -> None:
        if conn in self._waiting:
            del self._waiting[conn]
            self.poller.unregister(conn.sock)

    def _drop(self, conn: TConn) -> None:
        self._stop_waiting(conn)
        self.nr_conns -= 1
        conn.close()

    def _cut(self, conn: TConn) -> None:
        arriving = conn.sock.arriving
        if arriving.begun and not arriving.whole:
            with suppress(OSError):
                conn.sock.send_at_once(TOO_SLOW)
        self._drop(conn)

    def murder_pending(self) -> None:
        """Once a second, cut who took too long; a worker that stops waits for nobody who has sent nothing."""
        now = time.monotonic()
        if now < self._looked + 1:
            return
        self._looked = now
        for conn in list(self._waiting):
            if conn.timeout < now or not (self.alive or conn.sock.arriving.begun):
                self._cut(conn)
