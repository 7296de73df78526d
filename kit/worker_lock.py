"""Advisory locks of a worker's database session: what only one worker may be at, told from what a dead one has left.

The lock ends with the session, so work that is running without a lock is work whose worker has died; no clock has to be
trusted for that.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, sleep

from django.db import connection
from django.db.utils import Error as DatabaseError


@dataclass(frozen=True, slots=True)
class WorkerLock:
    """`word` tells kinds of work apart; `table` tells the schemas apart by its oid, for locks are of the whole
    database."""

    word: str
    table: str

    def key(self, number: str) -> str:
        """SQL for the lock of this number, itself SQL: a column, a placeholder or digits."""
        return f"hashtextextended(concat('{self.word} ', '{self.table}'::regclass::oid, ' ', {number}), 0)"

    def unheld(self, number: str) -> str:
        """SQL for: no session holds the lock of this number."""
        return f"""NOT EXISTS (
            SELECT 1 FROM pg_locks held
            WHERE held.locktype = 'advisory' AND held.objsubid = 1 AND held.granted
                AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND (held.classid::bigint << 32) | held.objid::bigint = {self.key(number)}
        )"""

    @contextmanager
    def only_one(self, number: int, patience: float = 0.0, wanted: Callable[[], bool] = lambda: True) -> Iterator[bool]:
        """Hold it. False: another session does, and did for `patience` seconds, or waiting was not `wanted` any more.

        Patience, because the session of a worker that was killed just now may not have ended yet.
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
        """Without waiting. False: another session holds it."""
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
    """A session whose machine has vanished would keep its locks for hours: PostgreSQL is to find out in a minute."""
    with connection.cursor() as cursor:
        cursor.execute("SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3")
