"""Serve the emulator over HTTP: cloud (family A) and On-Prem (family D) paths over one state."""

import asyncio
import json
import re
import secrets
import socket
import ssl
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Self
from urllib.parse import unquote

from aiohttp import web

from licensing.cisco.emulator import axl, moves, policy
from licensing.cisco.emulator.scenarios import SCENARIOS, Handler
from licensing.cisco.emulator.state import SESSION, Account, Raw, Session, State

CLIENT_ID = "demo-client"
CLIENT_SECRET = "demo-secret"  # noqa: S105 - the demo's, printed on the emulator's own page
TOKEN_SECONDS = 3599
CLOUD_BASE = "/services/api/smart-accounts-and-licensing"
TOKEN_PATHS = ("/oauth2/default/v1/token", "/as/token.oauth2", "/backend/oauth/token", "/oauth/token")
NOT_FOUND = "<html><body><h1>404</h1><p>Not found</p></body></html>"
# The live gateway takes doubled slashes and a doubled prefix (docs/cisco-api.md#odd-paths); the emulator does too.
PREFIX = re.compile(r"^(/services/api)?(/services/api)?/smart-accounts-and-licensing|^(/backend)?/api(?=/v1)")
WORD = r"(?P<{}>[^/]+)"
ACCOUNT = r"^/v[12]/accounts/" + WORD.format("account")
TYPE = r"(/(?i:customer|holding))?"
POOL = ACCOUNT + r"/virtual-accounts/" + WORD.format("pool")


class PortInUse(Exception):
    """Another program listens on the port."""


def accounts(state: State, _: dict[str, str], body: Raw) -> Raw:
    roles = [{"role": "Smart Account User"}]
    return good(
        accounts=[
            {
                "accountName": account.name,
                "accountDomain": account.domain,
                "accountType": account.type,
                "accountStatus": "Active",
                "roles": roles,
            }
            for account in state.visible()
        ]
    )


def local_accounts(state: State, _: dict[str, str], body: Raw) -> Raw:
    found = [{"name": account.name, "domain": account.domain} for account in state.visible(on_prem=True)]
    return good(accounts=found)


def search(state: State, query: dict[str, str], body: Raw) -> Raw:
    """Search by substring, as Cisco does (docs/cisco-api.md#account-search)."""
    domain = query.get("domain", "").lower()
    found = [
        {"domain": account.domain, "name": account.name, "id": number, "type": account.type, "status": "ACTIVE"}
        for number, account in enumerate(state.visible(), 1)
        if domain in account.domain.lower()
    ]
    return good(accounts=found, totalRecords=len(found))


def accounts_with_ids(state: State, _: dict[str, str], body: Raw) -> Raw:
    """Answer ids as texts. No visible account is a sentence without a list (docs/cisco-api.md#account-ids)."""
    complete = {"status": "COMPLETE", "message_code": "", "message": ""}
    if not state.visible():
        return {**complete, "message_code": "NO DATA FOUND", "message": "No account is visible to this user."}
    return {**complete, "accounts": [policy.account_with_ids(state, account) for account in state.visible()]}


def reservable(state: State, _: dict[str, str], body: Raw) -> Raw:
    return good(data=policy.reservable(body.get("softwareTags") or []))


def virtual_accounts(account: Account, _: dict[str, str], body: Raw) -> Raw:
    return good(virtualAccounts=account.virtual_accounts)


def create_virtual_account(account: Account, _: dict[str, str], body: Raw) -> Raw:
    if not body.get("name") or account.has_pool(body["name"]):
        return bad("A virtual account of this name exists, or the name is empty.")
    account.add_pool(body["name"], str(body.get("description") or ""))
    return good()


def delete_virtual_account(account: Account, path: dict[str, str], body: Raw) -> Raw:
    if any(raw["virtualAccount"] == path["pool"] for raw in account.devices):
        return bad("The virtual account has product instances.")
    account.virtual_accounts = [raw for raw in account.virtual_accounts if raw["name"] != path["pool"]]
    account.licenses = [raw for raw in account.licenses if raw["virtualAccount"] != path["pool"]]
    return good()


def licenses(account: Account, query: dict[str, str], body: Raw) -> Raw:
    return page(account.licenses, "licenses", query, body)


def devices(account: Account, query: dict[str, str], body: Raw) -> Raw:
    return page(account.devices, "devices", query, body)


def search_devices(account: Account, query: dict[str, str], body: Raw) -> Raw:
    """List one pool's instances; `instanceName` is the display name (docs/cisco-api.md#search-instances)."""
    found = [
        {
            "instanceName": raw["displayName"],
            "productTagName": raw["productTagName"],
            "sudi": raw["sudi"],
            "virtualAccount": raw["virtualAccount"],
        }
        for raw in account.devices
        if raw["virtualAccount"] == query["pool"]
    ]
    return page(found, "devices", query, body)


def subscriptions(account: Account, query: dict[str, str], body: Raw) -> Raw:
    return page(moves.subscriptions(account), "licenseSubscriptions", query, body)


def alerts(account: Account, query: dict[str, str], body: Raw) -> Raw:
    return page(moves.alerts(account), "alerts", query, body)


def transfer_licenses(account: Account, path: dict[str, str], body: Raw) -> Raw:
    refusal, results = moves.transfer_licenses(account, path["pool"], body)
    return bad(refusal) if refusal else good(licenses=results)


def transfer_devices(account: Account, path: dict[str, str], body: Raw) -> Raw:
    return good(productInstancesTransferStatus=moves.transfer_devices(account, path["pool"], body))


def remove_devices(account: Account, path: dict[str, str], body: Raw) -> Raw:
    return good(removeProductInstancesStatus=moves.remove_devices(account, path["pool"], body))


def tokens(account: Account, path: dict[str, str], body: Raw) -> Raw:
    return good(tokens=account.tokens.get(path["pool"], []))


def create_token(account: Account, path: dict[str, str], body: Raw) -> Raw:
    try:
        days = int(body.get("expiresAfterDays") or 30)
    except (TypeError, ValueError):
        return bad("expiresAfterDays is not a number.")
    if not 1 <= days <= 365:
        return bad("expiresAfterDays must be between 1 and 365.")
    export = body.get("exportControlled") == "Allowed"
    made = account.add_token(path["pool"], str(body.get("description") or ""), days, export=export, by=CLIENT_ID)
    return good(tokenInfo=made)


def revoke_tokens(account: Account, path: dict[str, str], body: Raw) -> Raw:
    answers = []
    for text in body.get("tokens") or []:
        found = account.revoke(path["pool"], text)
        answers.append({"status": "SUCCESS" if found else "FAILURE", "statusMessage": "" if found else "Unknown token"})
    return good(tokensRevokeStatus=answers)


Answer = Callable[[Any, dict[str, str], Raw], Raw]
ROUTES: list[tuple[str, re.Pattern[str], Answer]] = [
    (method, re.compile(pattern + r"/?$"), answer)
    for method, pattern, answer in (
        ("GET", r"^/v1/accounts/search", search),
        ("GET", r"^/v2/accounts/search", accounts_with_ids),
        ("POST", r"^/v3/licenses/summary", policy.summary),
        ("POST", r"^/v2/devices/authrequest", partial(policy.request, results="authorizations")),
        ("POST", r"^/v2/devices/reportusage", partial(policy.request, results="acknowledgements")),
        ("POST", r"^/v2/accounts/poll", policy.poll),
        ("POST", r"^/licensing/v1/search-slr-details", reservable),
        ("GET", r"^/v[12]/accounts", accounts),
        ("POST", r"^/v1/upstream_satellites/accounts", local_accounts),
        ("GET", ACCOUNT + TYPE + r"/virtual-accounts", virtual_accounts),
        ("POST", ACCOUNT + TYPE + r"/virtual-accounts", create_virtual_account),
        ("POST", ACCOUNT + TYPE + r"/virtual-accounts/(?P<pool>[^/]+)/delete", delete_virtual_account),
        ("POST", ACCOUNT + r"/licenses", licenses),
        ("POST", ACCOUNT + r"/devices", devices),
        ("POST", ACCOUNT + r"/license-subscriptions", subscriptions),
        ("POST", ACCOUNT + r"/alerts", alerts),
        ("POST", POOL + r"/licenses/transfer", transfer_licenses),
        ("GET", POOL + r"/devices", search_devices),
        ("POST", POOL + r"/devices/transfer", transfer_devices),
        ("POST", POOL + r"/devices/remove", remove_devices),
        ("GET", POOL + r"/tokens", tokens),
        ("POST", POOL + r"/tokens", create_token),
        ("POST", POOL + r"/tokens/revoke", revoke_tokens),
    )
]


def good(**members: Any) -> Raw:
    return {"status": "SUCCESS", "statusMessage": "", **members}


def bad(words: str) -> Raw:
    """Answer a business error: HTTP 200 with status ERROR (docs/cisco-api.md#business-error)."""
    return {"status": "ERROR", "statusMessage": words}


def page(found: list[Raw], member: str, query: dict[str, str], body: Raw) -> Raw:
    """Cut the listing by limit and offset, from query or body; -1 is everything (docs/cisco-api.md#paging)."""
    names = set(body.get("virtualAccounts") or [])
    found = [raw for raw in found if not names or raw["virtualAccount"] in names]
    limit = int(query.get("limit") or body.get("limit") or 50)
    offset = int(query.get("offset") or body.get("offset") or 0)
    cut = found[offset:] if limit < 0 else found[offset : offset + limit]
    return good(**{member: cut, "totalRecords": len(found)})


def make_app(state: State, scenario: str = "none") -> web.Application:
    app = web.Application(middlewares=[play_scenario], client_max_size=256 * 1024 * 1024)
    app[SESSION] = Session(state, scenario)
    app.router.add_get("/", welcome)
    app.router.add_post("/_emulator/scenario", set_scenario)
    app.router.add_get("/_emulator/state", show_state)
    app.router.add_put("/_emulator/state", replace_state)
    app.router.add_get("/_emulator/calls", show_calls)
    for path in TOKEN_PATHS:
        app.router.add_post(path, issue_token)
    app.router.add_post(axl.PATH, axl.answer)
    app.router.add_route("*", "/{path:.*}", answer)
    return app


@web.middleware
async def play_scenario(request: web.Request, handler: Handler) -> web.StreamResponse:
    session = request.app[SESSION]
    if request.path.startswith("/_emulator/") or request.path in {"/", *TOKEN_PATHS}:
        return await handler(request)
    session.calls += 1
    scenario = SCENARIOS[session.scenario]
    if scenario is None:
        return await handler(request)
    return await scenario(request, handler)


async def issue_token(request: web.Request) -> web.Response:
    """Take a form in the cloud, JSON On-Prem, or the query (docs/cisco-api.md#access-tokens)."""
    sent: dict[str, Any] = dict(request.query)
    body = await request.text()
    sent |= json.loads(body) if body.startswith("{") else dict(await request.post())
    if (sent.get("client_id"), sent.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
        words = {"error": "invalid_client", "error_description": "Client authentication failed."}
        return web.json_response(words, status=401)
    text = secrets.token_urlsafe(24)
    request.app[SESSION].tokens.add(text)
    return web.json_response({"access_token": text, "token_type": "Bearer", "expires_in": TOKEN_SECONDS})


async def answer(request: web.Request) -> web.Response:
    path = PREFIX.sub("", re.sub("/+", "/", request.rel_url.raw_path), count=1)
    for method, pattern, function in ROUTES:
        match = pattern.match(path)
        if match and method == request.method:
            return await respond(request, function, {name: unquote(text) for name, text in match.groupdict().items()})
    return web.Response(status=404, text=NOT_FOUND, content_type="text/html")


async def respond(request: web.Request, function: Answer, path: dict[str, str]) -> web.Response:
    on_prem = request.path.startswith(("/api/", "/backend/api/"))
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if bearer not in request.app[SESSION].tokens:
        return web.json_response({"error": "invalid_token"}, status=403 if on_prem else 401)
    try:
        body = json.loads(await request.text() or "{}")
    except ValueError:
        return web.json_response(bad("The body is not JSON."), status=400)
    state: State = request.app[SESSION].state
    if "account" not in path:
        headers = {name.lower(): value for name, value in request.headers.items() if name.lower().startswith("x-csw-")}
        found = function(state, {**request.query, **headers}, body)
        return web.json_response(found, status=202 if "action" in found else 200)
    account = next((a for a in state.accounts.values() if path["account"] in {a.domain, a.name}), None)
    if account is None or ("pool" in path and not account.has_pool(path["pool"])):
        return web.json_response(bad("The account or virtual account does not exist."), status=404)
    return web.json_response(function(distort(account, request), {**request.query, **path}, body))


def distort(account: Account, request: web.Request) -> Account:
    """Return the account as the scenario shows it. Writes still reach the real one."""
    if "order" not in request and "grow" not in request:
        return account
    found = list(account.devices)
    if "order" in request:
        request["order"].shuffle(found)
    else:
        found = found[: max(1, len(found) - 5 + request["grow"])]
    seen = Account(account.domain, account.name, account.type, account.virtual_accounts, account.licenses, found)
    seen.tokens = account.tokens
    return seen


async def set_scenario(request: web.Request) -> web.Response:
    name = (await request.json()).get("scenario")
    if name not in SCENARIOS:
        return web.json_response({"error": f"Known scenarios: {', '.join(SCENARIOS)}"}, status=400)
    request.app[SESSION].begin(name)
    return web.json_response({"scenario": name})


async def show_state(request: web.Request) -> web.Response:
    state: State = request.app[SESSION].state
    return web.json_response({domain: vars(account) for domain, account in state.accounts.items()})


async def replace_state(request: web.Request) -> web.Response:
    """Replace all accounts by the body, in the form that show_state answers."""
    try:
        accounts = {domain: Account(**raw) for domain, raw in (await request.json()).items()}
    except (ValueError, TypeError, AttributeError):
        return web.json_response({"error": "Send what GET /_emulator/state answers, changed."}, status=400)
    request.app[SESSION].state.accounts = accounts
    return web.json_response({"accounts": list(accounts)})


async def show_calls(request: web.Request) -> web.Response:
    """Return the number of API calls since the scenario began."""
    return web.json_response({"calls": request.app[SESSION].calls})


async def welcome(request: web.Request) -> web.Response:
    lines = [
        "Emulator of Cisco's Smart Accounts and Licensing API. It is not Cisco's and holds made-up data.",
        f"API base URL:  http://{request.host}{CLOUD_BASE}",
        f"Token URL:     http://{request.host}/oauth2/default/v1/token",
        f"Client:        {CLIENT_ID} / {CLIENT_SECRET}",
        f"AXL:           http://{request.host}{axl.AREA}HOST of any publisher, {axl.USERNAME} / {axl.PASSWORD}",
        f"Accounts:      {', '.join(request.app[SESSION].state.accounts)}",
        f"Scenario:      {request.app[SESSION].scenario} (known: {', '.join(SCENARIOS)})",
    ]
    return web.Response(text="\n".join(lines) + "\n")


def listen(port: int) -> socket.socket:
    """Listen on loopback only. Raises PortInUse."""
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind(("127.0.0.1", port))
    except OSError:
        found.close()
        raise PortInUse(f"Port {port} is in use. Choose another one with --port.") from None
    return found


def run_emulator(state: State, port: int, scenario: str = "none") -> None:
    """Serve until the process is ended. Raises PortInUse."""
    web.run_app(make_app(state, scenario), sock=listen(port), print=None, access_log=None, handler_cancellation=False)


class EmulatorThread:
    """Run the emulator in a thread of this process, for tests that change its state directly."""

    def __init__(self, state: State | None = None, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.state = state or State()
        self.app = make_app(self.state)
        self.session = self.app[SESSION]
        self._socket = listen(port)
        self.port: int = self._socket.getsockname()[1]
        self._tls = tls
        self.origin = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.base_url = self.origin + CLOUD_BASE
        self.token_url = self.origin + "/oauth2/default/v1/token"
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def scenario(self, name: str) -> None:
        self.session.begin(name)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        runner = web.AppRunner(self.app, access_log=None)
        self._loop.run_until_complete(runner.setup())
        self._loop.run_until_complete(web.SockSite(runner, self._socket, ssl_context=self._tls).start())
        self._started.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()
