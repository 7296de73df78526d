"""End calls whose answer does not end. A limit on each read does not stop a server that drips, byte by byte."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from time import monotonic


class Watchdog:
    """A watchdog cuts all connections of a transport once a call has taken `seconds`. One timer serves all calls."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._began: dict[int, float] = {}  # by thread
        self._sockets: list[socket.socket] = []
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def watch(self) -> Iterator[None]:
        """Watch the call of this thread."""
        me = threading.get_ident()
        with self._lock:
            self._began[me] = monotonic()
            if self._timer is None:
                self._look_in(self.seconds)
        try:
            yield
        finally:
            with self._lock:
                del self._began[me]

    def overdue(self) -> bool:
        """Return whether the call of this thread has taken too long."""
        began = self._began.get(threading.get_ident())
        return began is not None and monotonic() - began >= self.seconds

    def add(self, connection: socket.socket) -> None:
        with self._lock:
            self._sockets = [each for each in self._sockets if each.fileno() >= 0] + [connection]

    def stop(self) -> None:
        with self._lock:
            if self._timer:
                self._timer.cancel()

    def _look_in(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._look)
        self._timer.daemon = True
        self._timer.start()

    def _look(self) -> None:
        with self._lock:
            self._timer = None
            if not self._began:
                return
            rest = min(self._began.values()) + self.seconds - monotonic()
            if rest <= 0:
                self._cut()
            self._look_in(max(rest, self.seconds / 10))

    def _cut(self) -> None:
        """Shut the connections down. Unlike closing, that wakes the thread that reads."""
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
