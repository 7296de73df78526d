"""Lock work that only one worker may do, and find work that a dead worker has left.

The locks are advisory locks of the worker's database session. A lock ends with its session, so work that runs without
a lock is work whose worker has died. No clock has to be trusted for that.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, sleep

from django.db import connection
from django.db.utils import Error as DatabaseError


@dataclass(frozen=True, slots=True)
class WorkerLock:
    """Lock one kind of work. `word` tells the kinds apart.

    Locks belong to the whole database, so the oid of `table` tells the schemas apart.
    """

    word: str
    table: str

    def key(self, number: str) -> str:
        """Return SQL for the key of a lock. `number` is SQL too: a column, a placeholder or digits."""
        return f"hashtextextended(concat('{self.word} ', '{self.table}'::regclass::oid, ' ', {number}), 0)"

    def unheld(self, number: str) -> str:
        """Return SQL that is true if no session holds the lock of this number."""
        return f"""NOT EXISTS (
            SELECT 1 FROM pg_locks held
            WHERE held.locktype = 'advisory' AND held.objsubid = 1 AND held.granted
                AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND (held.classid::bigint << 32) | held.objid::bigint = {self.key(number)}
        )"""

    @contextmanager
    def only_one(self, number: int, patience: float = 0.0, wanted: Callable[[], bool] = lambda: True) -> Iterator[bool]:
        """Hold the lock and yield True. Yields False if another session held it for `patience` seconds.

        Waiting ends early when `wanted` returns False. Patience helps because the session of a worker that was killed
        just now may not have ended yet.
        """
        held = self._wait(number, patience, wanted)
        try:
            yield held
        finally:
            if held:
                self.release(number)

    def _wait(self, number: int, patience: float, wanted: Callable[[], bool]) -> bool:
        end = monotonic() + patience
        while not self.take(number):
            if not wanted() or monotonic() >= end:
                return False
            sleep(0.05)
        return True

    def take(self, number: int) -> bool:
        """Take the lock without waiting. Returns False if another session holds it."""
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_try_advisory_lock({self.key('%s')})", [number])
            return bool(cursor.fetchone()[0])

    def is_held(self, number: int) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT NOT {self.unheld('%s')}", [number])
            return bool(cursor.fetchone()[0])

    def release(self, number: int) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT pg_advisory_unlock({self.key('%s')})", [number])
        except DatabaseError:
            connection.close()  # the lock ends with the session


def keep_alive() -> None:
    """Make PostgreSQL notice within a minute that a machine has vanished; its locks would stay for hours."""
    with connection.cursor() as cursor:
        cursor.execute("SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3")
