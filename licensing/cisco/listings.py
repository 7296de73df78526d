"""Cisco's paged listings, whole or not at all: rows as the bytes that came, several slow pages under way at once.

Rows stay unparsed here, for whoever knows most of them already (licensing.sync) reads only the others.
"""

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from math import isfinite
from time import monotonic
from typing import Any, TypeVar

import msgspec

from licensing.cisco import formats
from licensing.cisco.errors import CssmUnavailable
from licensing.cisco.transport import Transport
from licensing.cisco.types import Page

Result = TypeVar("Result")
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode
_value = msgspec.json.Decoder().decode
OBJECT = ord("{")
# A page of 500 rows takes Python some 3 ms; Cisco itself takes seconds.
AT_ONCE_SECONDS = 0.02
SAME_PAGE = "Start the sync again. If this repeats, tell who runs the server: it does not look at `offset`."


class Shifted(CssmUnavailable):
    """The listing changed while it was being read: another reading may find it still."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The listing of {what} changed while it was being read.")


@dataclass(frozen=True, slots=True)
class Listing:
    """`member`: what holds the rows in each answer. `virtual_accounts`: only of these, of a paged one; none: of all."""

    path: str
    member: str
    virtual_accounts: tuple[str, ...] = ()


def pages(transport: Transport, listing: Listing, page_size: int, parallel: int = 1) -> Iterator[Page[bytes]]:
    """A whole listing or Shifted at its end: totals that move, short pages, rows missing (docs/cisco-api.md#ordering).

    The first page tells how many rows there are and how many a page holds, which may be fewer than were asked for; the
    others are asked for `parallel` at a time. Where the server tells no total, or parallel is 1, one comes after the
    other. Without a total the last page is an empty one, for the server may put fewer rows into each than were asked
    for, or one with more than that. A server that answers the same page again and again never comes to an end.
    """
    first = _page(transport, listing, page_size, 0)
    yield first
    size, before = len(first.items), first
    if parallel > 1 and 0 < size < first.total:
        rest = _rest_at_once(transport, listing, first, parallel)
    else:
        rest = _rest_in_turn(transport, listing, first, page_size)
    for page in rest:
        if page.items == before.items:
            if page.total < 0 and len(page.items) < page_size:
                return  # this server does not know pages: what came first was everything
            raise CssmUnavailable(f"The listing of {listing.member} has the same page twice.", SAME_PAGE)
        yield page
        before = page


def ahead(calls: Iterable[Callable[[], Result]], parallel: int) -> Iterator[Result]:
    """What the calls answer, in their order. Ends with the first error.

    In turn while answers come at once: then Python is what takes the time, and threads would only wait for each other.
    From the first answer on that was waited for, up to `parallel` calls are under way.
    """
    waiting = iter(calls)
    for call in waiting:
        began = monotonic()
        found = call()
        took = monotonic() - began
        yield found
        if parallel > 1 and took > AT_ONCE_SECONDS:
            yield from _at_once(waiting, parallel)


def _at_once(calls: Iterator[Callable[[], Result]], parallel: int) -> Iterator[Result]:
    pool = ThreadPoolExecutor(parallel, thread_name_prefix="cssm")
    try:
        running: deque[Future[Result]] = deque(pool.submit(call) for call in islice(calls, parallel))
        while running:
            found = running.popleft().result()
            running.extend(pool.submit(call) for call in islice(calls, 1))
            yield found
    finally:
        # Whoever gives up does not wait for answers that nobody wants; closing the transport ends their repetitions.
        pool.shutdown(wait=False, cancel_futures=True)


def rows(transport: Transport, listing: Listing, body: Any = None) -> list[bytes]:
    """Of a listing that Cisco answers at once: with a body by POST, else by GET."""
    method = "GET" if body is None else "POST"
    answer = transport.call(method, listing.path, body, decode=_unparsed(listing.member))
    found: list[bytes] = answer.get(listing.member, [])
    return found


def parsed(row: bytes) -> formats.Raw:
    """A row as JSON object; what Python alone understands (NaN, halves of surrogate pairs) is made harmless."""
    try:
        found: formats.Raw = _value(row)
    except msgspec.DecodeError:
        try:
            found = json.loads(_plain(json.loads(row)))
        except ValueError:  # a number of thousands of digits
            raise CssmUnavailable("Cisco's side sent a row that cannot be read.") from None
    return found


def _rest_in_turn(transport: Transport, listing: Listing, first: Page[bytes], page_size: int) -> Iterator[Page[bytes]]:
    total, held = first.total, len(first.items)
    offset = held
    while held and (offset < total if total >= 0 else held <= page_size):
        page = _page(transport, listing, page_size, offset)
        if page.total != total:
            raise Shifted(listing.member)
        held = len(page.items)
        offset += held
        if held:
            yield page
    if total not in {-1, offset}:
        raise Shifted(listing.member)


def _rest_at_once(transport: Transport, listing: Listing, first: Page[bytes], parallel: int) -> Iterator[Page[bytes]]:
    size, total = len(first.items), first.total
    calls = (_asking(transport, listing, size, offset) for offset in range(size, total, size))
    for page in ahead(calls, parallel):
        if page.total != total or len(page.items) != min(size, total - page.offset):
            raise Shifted(listing.member)
        yield page


def _asking(transport: Transport, listing: Listing, size: int, offset: int) -> Callable[[], Page[bytes]]:
    return lambda: _page(transport, listing, size, offset)


def _page(transport: Transport, listing: Listing, size: int, offset: int) -> Page[bytes]:
    body = {"virtualAccounts": list(listing.virtual_accounts), "limit": size, "offset": offset}
    answer = transport.call("POST", listing.path, body, decode=_unparsed(listing.member))
    return Page(answer.get(listing.member, []), offset, _total(answer.get("totalRecords")))


def _total(stated: Any) -> int:
    """-1 where none is told: nothing, no number at all, or one below zero."""
    found = None if stated is None or stated == "" else formats.real(stated)
    return -1 if found is None or not isfinite(found) else max(-1, int(found))


def _unparsed(member: str) -> Callable[[bytes], Any]:
    """Reads an answer but for the rows in `member`; there is always a list of them, and what is no object is none."""

    def decode(content: bytes) -> Any:
        content.decode()  # rows are not looked into; UnicodeDecodeError is a ValueError
        try:
            raw = _members(content)
            found = [row for row in map(bytes, _elements(raw.pop(member))) if row[0] == OBJECT]
            answer: Any = {name: _value(value) for name, value in raw.items()}
        except (msgspec.DecodeError, KeyError):
            # Null, no list, no such member, no object at all, or JSON that only Python reads.
            answer = json.loads(content)
            if not isinstance(answer, dict):
                return answer
            found = [_plain(row) for row in formats.rows(answer.get(member))]
        return {**answer, member: found}

    return decode


def _plain(row: Any) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "replace")
