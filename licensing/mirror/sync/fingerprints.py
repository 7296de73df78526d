"""Know the present rows by a fingerprint of the bytes in which Cisco listed them last.

A row that comes with the same bytes again is done with: it is neither parsed nor staged. Eight bytes a row are held,
whatever the row holds. With 100,000 rows, a changed one looks known once in some 10^14 changes (63 bits of xxh3).

A fingerprint never decides alone that something differs: a row that comes with other bytes is compared column by
column, and is not written where all columns are equal. Rows without one, such as registration tokens that were made
here, are always compared. When the meaning of a mirrored column changes, a migration sets all fingerprints to NULL.
"""

from array import array
from bisect import bisect_left
from sys import byteorder

from django.db import connection
from xxhash import xxh3_64_intdigest

from licensing.mirror.sync.mirrors import Mirror


def fingerprint(row: bytes) -> int:
    """Return 63 bits of xxh3, which fit PostgreSQL's bigint."""
    return xxh3_64_intdigest(row) >> 1


class Known:
    def __init__(self, fingerprints: bytes = b"", others: int = 0) -> None:
        """Take sorted `fingerprints`, eight bytes each as int8send writes them.

        `others` counts present rows without one.
        """
        self.others = others
        self.listed = bytearray(len(fingerprints) // 8)
        self.trusted = True
        self._sorted = array("q", fingerprints)
        if byteorder == "little":
            self._sorted.byteswap()

    def __len__(self) -> int:
        return len(self._sorted)

    def start(self, *, trusted: bool = True) -> None:
        """Start a new reading of the listing. Unless it is trusted, no row counts as known and all are staged."""
        self.listed = bytearray(len(self._sorted))
        self.trusted = trusted

    def take(self, number: int) -> bool:
        """Return whether a row of the mirror came again as it was. Each one counts once."""
        if not self.trusted:
            return False
        place = bisect_left(self._sorted, number)
        while place < len(self._sorted) and self._sorted[place] == number:
            if not self.listed[place]:
                self.listed[place] = 1
                return True
            place += 1
        return False

    def missing(self) -> list[int]:
        """Return the fingerprints that did not come again: these rows have changed, moved or gone."""
        if not self.listed.count(0):
            return []
        return [number for number, listed in zip(self._sorted, self.listed, strict=True) if not listed]


def known_to(mirror: Mirror, account: int) -> Known:
    with connection.cursor() as cursor:
        cursor.execute(mirror.fingerprints, {"account": account})
        return Known(*cursor.fetchone())
