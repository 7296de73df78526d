"""Emulate faults of Cisco's API, as scenarios to switch on."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from licensing.cisco.emulator import axl
from licensing.cisco.emulator.state import SESSION

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
# Ends of the paths of writes.
WRITES = ("/tokens", "/revoke", "/transfer", "/remove", "/delete", "/virtual-accounts")
HTML = "<html><body><h1>{status}</h1><p>The gateway has a bad day.</p></body></html>"


async def latency(request: web.Request, handler: Handler) -> web.StreamResponse:
    await asyncio.sleep(0.5)
    return await handler(request)


async def redirect(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Redirect to another host, as a captive portal or a moved gateway would."""
    return web.Response(status=302, headers={"Location": "http://elsewhere.example/" + request.path.lstrip("/")})


async def too_many_with_hint(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every third call with 429 and the time to wait."""
    if _count(request) % 3 == 0:
        return web.Response(
            status=429, text="<h1>Developer Over Rate</h1>", content_type="text/html", headers={"Retry-After": "1"}
        )
    return await handler(request)


async def too_many(request: web.Request, handler: Handler) -> web.StreamResponse:
    if _count(request) % 3 == 0:
        return web.Response(status=429, text="<h1>Developer Over Rate</h1>", content_type="text/html")
    return await handler(request)


async def server_error(request: web.Request, handler: Handler) -> web.StreamResponse:
    return web.Response(status=502, text=HTML.format(status=502), content_type="text/html")


async def flaky(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every third call with 503 as HTML."""
    if _count(request) % 3 == 0:
        return web.Response(status=503, text=HTML.format(status=503), content_type="text/html")
    return await handler(request)


async def business_error(request: web.Request, handler: Handler) -> web.StreamResponse:
    return web.json_response({"status": "ERROR", "statusMessage": "The request could not be processed."})


async def truncated(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Send half of the answer, then close the connection."""
    whole = await handler(request)
    body = getattr(whole, "body", b"") or b""
    part = web.StreamResponse(status=whole.status, headers={"Content-Type": "application/json"})
    part.content_length = len(body)
    await part.prepare(request)
    await part.write(body[: len(body) // 2])
    if request.transport:
        request.transport.close()
    return part


async def reset(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.transport:
        request.transport.abort()
    return web.Response()


async def shuffled_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Cut each page from a listing in another order, so that pages overlap."""
    request["order"] = random.Random(_count(request))  # noqa: S311 - an order, not a secret
    return await handler(request)


async def growing_listing(request: web.Request, handler: Handler) -> web.StreamResponse:
    request["grow"] = _count(request)
    return await handler(request)


async def no_api_access(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Accept the token and refuse every call."""
    return web.json_response({"status": "ERROR", "statusMessage": "Invalid Client"}, status=403)


async def no_role(request: web.Request, handler: Handler) -> web.StreamResponse:
    words = "User does not have a role on this smart account"
    return web.json_response({"status": "ERROR", "statusMessage": words}, status=403)


async def expiring_tokens(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let each token work for five calls."""
    if _count(request) % 6 == 5:
        request.app[SESSION].tokens.clear()
        return web.json_response({"error": "invalid_token"}, status=401)
    return await handler(request)


async def second_page_fails(request: web.Request, handler: Handler) -> web.StreamResponse:
    body: Any = json.loads(await request.text() or "{}")
    if isinstance(body, dict) and int(body.get("offset") or 0) > 0:
        return web.Response(status=502, text=HTML.format(status=502), content_type="text/html")
    return await handler(request)


async def shrinking_listing(request: web.Request, handler: Handler) -> web.StreamResponse:
    request["grow"] = -_count(request)
    return await handler(request)


async def no_totals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer listings without their totals."""
    return _without(await handler(request), "totalRecords")


async def slow_start(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Start like an On-Prem server: 502 twice, 403 once, then well (docs/cisco-api.md#on-prem-starting)."""
    if _count(request) <= 2:
        return web.Response(status=502, text=HTML.format(status=502), content_type="text/html")
    if _count(request) == 3:
        return web.json_response({"error": "invalid_token"}, status=403)
    return await handler(request)


async def item_failures(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer batches with SUCCESS and do nothing for any item (docs/cisco-api.md#item-failures)."""
    if not request.path.endswith(("/transfer", "/remove", "/revoke")):
        return await handler(request)
    failure = {"status": "FAILURE", "statusMessage": "The item could not be processed."}
    return web.json_response({"status": "SUCCESS", "statusMessage": "", "results": [failure]})


async def lost_answers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Do the writes and lose their answers."""
    answer = await handler(request)
    return await reset(request, handler) if _is_write(request) else answer


async def lost_writes(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Lose the writes. Reads work."""
    return await reset(request, handler) if _is_write(request) else await handler(request)


def _is_write(request: web.Request) -> bool:
    return request.method == "POST" and request.path.endswith(WRITES)


def _without(answer: web.StreamResponse, member: str) -> web.Response:
    body = json.loads(getattr(answer, "body", b"") or b"{}")
    body.pop(member, None)
    return web.json_response(body, status=answer.status)


def _count(request: web.Request) -> int:
    return request.app[SESSION].calls


SCENARIOS: dict[str, Callable[[web.Request, Handler], Awaitable[web.StreamResponse]] | None] = {
    "none": None,
    "latency": latency,
    "too-many": too_many,
    "too-many-with-hint": too_many_with_hint,
    "server-error": server_error,
    "redirect": redirect,
    "flaky": flaky,
    "business-error": business_error,
    "truncated": truncated,
    "reset": reset,
    "shuffled-pages": shuffled_pages,
    "growing-listing": growing_listing,
    "shrinking-listing": shrinking_listing,
    "no-totals": no_totals,
    "slow-start": slow_start,
    "item-failures": item_failures,
    "lost-answers": lost_answers,
    "lost-writes": lost_writes,
    "no-api-access": no_api_access,
    "no-role": no_role,
    "expiring-tokens": expiring_tokens,
    "second-page-fails": second_page_fails,
    **axl.SCENARIOS,
}
