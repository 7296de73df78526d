"""Emulate the licensing part of Unified CM's AXL (docs/cisco-api.md#axl-calls), for any number of publishers.

`http://127.0.0.1:PORT/publishers/HOST` is the publisher HOST; AXL adds `/axl/`. A publisher belongs to the pool that
lists its product instance: one that registers here with a token appears in the token's virtual account.
"""

import asyncio
import base64
import re
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape

from aiohttp import web

from licensing.cisco.emulator.state import SESSION, Account, Raw, State, iso

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

USERNAME, PASSWORD = "axl-demo", "axl-secret"
PATH = "/publishers/{host}/axl/"
AREA = "/publishers/"
CALL = re.compile(r"<(?:\w+:)?(getSmartLicenseStatus|doSmartLicenseRegister|doSmartLicenseDeRegister)\b")
TOKEN = re.compile(r"<token>([^<]*)</token>")
FORCE = re.compile(r"<force>\s*true\s*</force>")
# Unity Connection's manual has these words (docs/cisco-api.md#invalid-token).
INVALID = (
    "The Product Instance Registration Token you entered is invalid or has expired. Ensure that you have pasted the "
    "entire token and that the token has not expired."
)
UNAUTHORIZED = "<html><head><title>401 Unauthorized</title></head><body><h1>Unauthorized</h1></body></html>"
ENVELOPE = (
    '<?xml version="1.0" encoding="utf-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/">'
    "<soapenv:Body>{}</soapenv:Body></soapenv:Envelope>"
)


async def answer(request: web.Request) -> web.StreamResponse:
    expected = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
    if request.headers.get("Authorization") != f"Basic {expected}":
        return web.Response(status=401, text=UNAUTHORIZED, content_type="text/html")
    body = await request.text()
    call = CALL.search(body)
    if call is None:
        return fault("Unknown request.")
    state, host = request.app[SESSION].state, request.match_info["host"].lower()
    if call[1] == "getSmartLicenseStatus":
        return soap(call[1], status(state, host), wrapped=request.app[SESSION].scenario == "axl-wrapped")
    words = register(state, host, body) if call[1] == "doSmartLicenseRegister" else deregister(state, host)
    return fault(words) if words else soap(call[1], "<success>true</success>", wrapped=True)


def register(state: State, host: str, body: str) -> str:
    """Register a publisher. Returns the reason if it fails, "" otherwise."""
    text, device = (TOKEN.search(body) or [None, ""])[1] or "", find(state, host)
    if device and not FORCE.search(body):
        return "The product instance is already registered."
    place = _token_place(state, text)
    if place is None:
        return INVALID
    account, pool, token = place
    old = _take_out(state, host)
    usage = {use["license"]: use["quantity"] for use in old["licenseUsage"]} if old else {}
    made = account.add_device(pool, _serial(host), usage, hostName=host)
    made["sudi"]["uuid"] = uuid.uuid5(uuid.NAMESPACE_DNS, host).hex
    made["registrationDate"] = made["lastContactDate"] = iso(datetime.now(UTC))
    made["exportControl"] = token["exportControl"]
    account.recount(pool)
    return ""


def deregister(state: State, host: str) -> str:
    if find(state, host) is None:
        return "The product instance is not registered."
    state.deregistered[host] = _take_out(state, host) or {}
    return ""


def find(state: State, host: str) -> tuple[Account, Raw] | None:
    """Return the product instance of a publisher, with the account that lists it."""
    return next(
        (
            (account, raw)
            for account in state.accounts.values()
            for raw in account.devices
            if str(raw.get("hostName")).lower() == host
        ),
        None,
    )


def status(state: State, host: str) -> str:
    """Return the status of a publisher as XML, with elements and dates as Unified CM writes them."""
    device = find(state, host)
    if device is None:
        words, place, authorization = "Unregistered", "", "Evaluation Mode"
    else:
        account, raw = device
        words, authorization = "Registered", "Authorized" if raw["status"] == "In Compliance" else "Out of Compliance"
        export = "Allowed" if raw.get("exportControl") == "Allowed" else "Not Allowed"
        place = (
            f"<SmartAccount>{escape(account.name)}</SmartAccount>"
            f"<VirtualAccount>{escape(raw['virtualAccount'])}</VirtualAccount>"
            f"<RegistrationExpires>{_date(365)}</RegistrationExpires>"
            f"<ExportControlFunctionality>{export}</ExportControlFunctionality>"
        )
    uses = device[1]["licenseUsage"] if device else []
    entitlements = "".join(
        f"<Entitlement><Tag>{escape(use['license'])}</Tag><Count>{use['quantity']}</Count>"
        "<Status>InCompliance</Status></Entitlement>"
        for use in uses
    )
    return (
        "<LicenseDetails><SmartLicensing>ENABLED</SmartLicensing>"
        f"<Registration><Status>{words}</Status>{place}<RegistrationFailedReason/></Registration>"
        f"<Authorization><Status>{authorization}</Status><AuthorizationFailedReason/>"
        f"<EvaluationPeriodRemaining>{'' if device else '87:0:36'}</EvaluationPeriodRemaining></Authorization>"
        f"<LicenseStatus>{entitlements}</LicenseStatus></LicenseDetails>"
    )


def soap(call: str, inner: str, *, wrapped: bool) -> web.Response:
    """Wrap an answer in SOAP. The status comes without the `return` element that the WSDL promises."""
    inner = f"<return>{inner}</return>" if wrapped else inner
    text = f'<ns:{call}Response xmlns:ns="http://www.cisco.com/AXL/API/14.0">{inner}</ns:{call}Response>'
    return web.Response(text=ENVELOPE.format(text), content_type="text/xml")


def fault(words: str) -> web.Response:
    parts = f"<faultcode>soapenv:Client</faultcode><faultstring>{escape(words)}</faultstring>"
    text = f"<soapenv:Fault>{parts}</soapenv:Fault>"
    return web.Response(status=500, text=ENVELOPE.format(text), content_type="text/xml")


# --- Faults of a publisher; calls to Cisco's API work as usual ---


def _limit_to_axl(
    scenario: Callable[[web.Request, Handler], Awaitable[web.StreamResponse]],
) -> Callable[..., Awaitable[web.StreamResponse]]:
    async def limited(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await (scenario(request, handler) if request.path.startswith(AREA) else handler(request))

    return limited


async def _is_write(request: web.Request) -> bool:
    return "doSmartLicense" in await request.text()


async def dropped(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Do the write and drop the connection before the answer, as Unified CM 14 does (S18)."""
    found = await handler(request)
    if await _is_write(request) and request.transport:
        request.transport.abort()
    return found


async def lost(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Drop the connection without doing the write."""
    if not await _is_write(request):
        return await handler(request)
    if request.transport:
        request.transport.abort()
    return web.Response()


async def silent(request: web.Request, handler: Handler) -> web.StreamResponse:
    await asyncio.sleep(30)
    return await handler(request)


async def wrapped(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer the status as the WSDL promises it; `answer` checks the scenario's name."""
    return await handler(request)


async def faulty(request: web.Request, handler: Handler) -> web.StreamResponse:
    return fault("The AXL service has a bad day.") if await _is_write(request) else await handler(request)


async def no_axl(request: web.Request, handler: Handler) -> web.StreamResponse:
    return web.Response(status=404, text="<html><h1>404</h1></html>", content_type="text/html")


async def not_xml(request: web.Request, handler: Handler) -> web.StreamResponse:
    return web.Response(text='<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><x>&a;', content_type="text/xml")


SCENARIOS = {
    f"axl-{name}": _limit_to_axl(scenario)
    for name, scenario in (
        ("dropped", dropped),
        ("lost", lost),
        ("silent", silent),
        ("wrapped", wrapped),
        ("fault", faulty),
        ("missing", no_axl),
        ("not-xml", not_xml),
    )
}


def _token_place(state: State, text: str) -> tuple[Account, str, Raw] | None:
    now = datetime.now(UTC)
    for account in state.accounts.values():
        for pool, tokens in account.tokens.items():
            for raw in tokens:
                if text and raw["token"] == text and datetime.fromisoformat(raw["expirationDate"]) > now:
                    return account, pool, raw
    return None


def _take_out(state: State, host: str) -> Raw | None:
    """Remove the product instance of a publisher and return it, or the one that was deregistered before."""
    found = find(state, host)
    if found is None:
        return state.deregistered.pop(host, None)
    found[0].devices.remove(found[1])
    found[0].recount(found[1]["virtualAccount"])
    return found[1]


def _serial(host: str) -> str:
    """Return the last five digits of the UUID (docs/cisco-api.md#unified-cm-serial)."""
    return uuid.uuid5(uuid.NAMESPACE_DNS, host).hex[-5:]


def _date(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%a %b %d %H:%M:%S UTC %Y")
