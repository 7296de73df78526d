"""Read Cisco's paged listings, completely or not at all, with several slow pages under way at once.

Rows stay unparsed bytes, because the sync knows most of them already and parses only the others.
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
    """The listing changed while it was being read. Reading it again may succeed."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The listing of {what} changed while it was being read.")


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing has its rows in `member` of each answer. `virtual_accounts` limits a paged listing."""

    path: str
    member: str
    virtual_accounts: tuple[str, ...] = ()


def pages(transport: Transport, listing: Listing, page_size: int, parallel: int = 1) -> Iterator[Page[bytes]]:
    """Yield the pages of a listing. Raises Shifted if totals move or rows are missing (docs/cisco-api.md#ordering).

    The first page tells how many rows there are and how many a page holds, which may be fewer than requested. The
    others are then requested `parallel` at a time, or in turn if parallel is 1 or the server tells no total. Without a
    total the last page is an empty one, because the server may put fewer rows into each than requested, or one with
    more. Raises CssmUnavailable for a server that answers the same page twice, which would never end.
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
                return  # this server does not know pages, so the first was everything
            raise CssmUnavailable(f"The listing of {listing.member} has the same page twice.", SAME_PAGE)
        yield page
        before = page


def run_ahead(calls: Iterable[Callable[[], Result]], parallel: int) -> Iterator[Result]:
    """Yield the results of the calls in their order. The first error ends it.

    Calls run in turn while answers come at once, because Python then takes the time and threads would only wait for
    each other. After the first slow answer, up to `parallel` calls are under way.
    """
    waiting = iter(calls)
    for call in waiting:
        began = monotonic()
        found = call()
        took = monotonic() - began
        yield found
        if parallel > 1 and took > AT_ONCE_SECONDS:
            yield from _run_parallel(waiting, parallel)


def _run_parallel(calls: Iterator[Callable[[], Result]], parallel: int) -> Iterator[Result]:
    pool = ThreadPoolExecutor(parallel, thread_name_prefix="cssm")
    try:
        running: deque[Future[Result]] = deque(pool.submit(call) for call in islice(calls, parallel))
        while running:
            found = running.popleft().result()
            running.extend(pool.submit(call) for call in islice(calls, 1))
            yield found
    finally:
        # A reader that gives up does not wait for the other answers. Closing the transport ends their repetitions.
        pool.shutdown(wait=False, cancel_futures=True)


def rows(transport: Transport, listing: Listing, body: Any = None) -> list[bytes]:
    """Return the rows of a listing that Cisco answers at once: by POST with a body, else by GET."""
    method = "GET" if body is None else "POST"
    answer = transport.call(method, listing.path, body, decode=_row_decoder(listing.member))
    found: list[bytes] = answer.get(listing.member, [])
    return found


def parse_row(row: bytes) -> formats.Raw:
    """Parse a row. Values that only Python reads (NaN, halves of surrogate pairs) are made harmless."""
    try:
        found: formats.Raw = _value(row)
    except msgspec.DecodeError:
        try:
            found = json.loads(_dump(json.loads(row)))
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
    calls = (_page_call(transport, listing, size, offset) for offset in range(size, total, size))
    for page in run_ahead(calls, parallel):
        if page.total != total or len(page.items) != min(size, total - page.offset):
            raise Shifted(listing.member)
        yield page


def _page_call(transport: Transport, listing: Listing, size: int, offset: int) -> Callable[[], Page[bytes]]:
    return lambda: _page(transport, listing, size, offset)


def _page(transport: Transport, listing: Listing, size: int, offset: int) -> Page[bytes]:
    body = {"virtualAccounts": list(listing.virtual_accounts), "limit": size, "offset": offset}
    answer = transport.call("POST", listing.path, body, decode=_row_decoder(listing.member))
    return Page(answer.get(listing.member, []), offset, _total(answer.get("totalRecords")))


def _total(stated: Any) -> int:
    """Return the total, -1 if the server tells none: nothing, no number, or one below zero."""
    found = None if stated is None or stated == "" else formats.real(stated)
    return -1 if found is None or not isfinite(found) else max(-1, int(found))


def _row_decoder(member: str) -> Callable[[bytes], Any]:
    """Return a decoder that keeps the rows in `member` unparsed. It always returns a list, of objects only."""

    def decode(content: bytes) -> Any:
        content.decode()  # rows stay unparsed, so check them; UnicodeDecodeError is a ValueError
        try:
            raw = _members(content)
            found = [row for row in map(bytes, _elements(raw.pop(member))) if row[0] == OBJECT]
            answer: Any = {name: _value(value) for name, value in raw.items()}
        except (msgspec.DecodeError, KeyError):
            # The member is null, no list or missing, the answer is no object, or only Python reads this JSON.
            answer = json.loads(content)
            if not isinstance(answer, dict):
                return answer
            found = [_dump(row) for row in formats.rows(answer.get(member))]
        return {**answer, member: found}

    return decode


def _dump(row: Any) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "replace")
