"""Make the calls to Cisco's side: access tokens, time limits, retries, and the meaning of each answer."""

import hashlib
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import ceil
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2
import stamina
from cryptography.x509 import load_der_x509_certificate

from licensing.cisco.addresses import LICENSE_SERVER, Party, check_address, check_peer
from licensing.cisco.errors import CssmBusy, CssmRefused, CssmUnavailable
from licensing.cisco.formats import number
from licensing.cisco.trust import trust_context
from licensing.cisco.watchdog import Watchdog

SUCCESS_WORDS = {"", "SUCCESS", "WARNING", "COMPLETE", "OK", "OK_POLL"}
RENEW_BEFORE_SECONDS = 120
USUAL_SECONDS, MOST_SECONDS = 3599, 86_400  # lifetime of a token that tells none, and the longest that is believed
CIRCUIT_FAILURES = 5
CIRCUIT_SECONDS = 60.0
ATTEMPTS = 4
# One request is sent with the token at hand, with each that other threads renew meanwhile, and with a new one.
SENDINGS = 4
Decode = Callable[[bytes], Any]
NEW_CLIENT = "Check client ID and secret. A client made just now needs about 30 minutes before it works."
NO_API = (
    "The token is good, but the application behind it has no access to this API: ask for the Smart Accounts and "
    "Licensing API on Cisco's developer portal, and for the Smart Account User role on the account."
)
ON_PREM_CLIENT = (
    "Check client ID and secret. The On-Prem server makes them in its API tool kit, which has to be enabled, for one "
    "local account each."
)
ON_PREM_NO_API = (
    "Enable the API tool kit on the On-Prem server, and enter the client ID and secret that were made for this local "
    "account."
)
WRONG_TOKEN_URL = "Check the token URL of the license server."  # noqa: S105 - a sentence
# An older form of 429 (docs/cisco-api.md#developer-over-rate).
OVER_RATE = b"Developer Over Rate"
WORDS_LENGTH = 300


def _decode_object(content: bytes) -> Any:
    """Decode an answer. A write may have one without a body (docs/cisco-api.md#empty-success)."""
    return json.loads(content) if content else {}


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """A configuration says how to reach a license server.

    `allowed_networks`: CIDR texts whose addresses are allowed. `party`: the other end, in the words of refusals.
    """

    kind: str
    api_base_url: str
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    ca_pem: str = ""
    verify_tls: bool = True
    allow_http: bool = False
    allowed_networks: tuple[str, ...] = ()
    connect_seconds: float = 5.0
    read_seconds: float = 60.0
    answer_seconds: float = 300.0  # for a whole call, because a server that drips never reaches read_seconds
    max_answer_bytes: int = 64 * 1024 * 1024
    max_parallel: int = 4
    page_size: int = 500
    party: Party = LICENSE_SERVER

    @property
    def on_prem(self) -> bool:
        return self.kind == "on_prem"


class CircuitOpen(CssmUnavailable):
    """The server was not called, because it failed several times before."""


class _Circuit:
    """A circuit stops calls to a server that failed several times running. Each process has one per way to reach it.

    It is not per host: a wrong token URL or certificate for Cisco's cloud must not stop other partners' syncs.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.failures = 0
        self.why = ""
        self.opened_at = 0.0
        self.clock = clock

    def check(self, host: str) -> None:
        rest = self.opened_at + CIRCUIT_SECONDS - self.clock()
        if self.failures >= CIRCUIT_FAILURES and rest > 0:
            words = f"{host} failed {self.failures} times running; the next try is in {ceil(rest)} s."
            raise CircuitOpen(f"{words} The last failure: {self.why}" if self.why else words)

    def record(self, ok: bool, why: str = "") -> None:
        self.failures, self.why = (0, "") if ok else (self.failures + 1, why)
        self.opened_at = self.clock()


_circuits: dict[tuple[str, str, str, bool], _Circuit] = {}
# By host, because all accounts of a server share its limit on parallel calls, also those of different partners.
_places: dict[str, threading.BoundedSemaphore] = {}


def forget_circuits() -> None:
    """Call every server again at once, as after a restart."""
    _circuits.clear()
    _places.clear()


class Transport:
    """Call one license server, from one thread or several."""

    def __init__(self, config: ServerConfig) -> None:
        self.config = config
        self.host = urlsplit(config.api_base_url).netloc
        way = (config.api_base_url, config.token_url, config.ca_pem, config.verify_tls)
        self.circuit = _circuits.setdefault(way, _Circuit())
        self.places = _places.setdefault(self.host, threading.BoundedSemaphore(config.max_parallel))
        self._token = ""
        self._renew_at = 0.0
        self.certificate_not_after: datetime | None = None  # of the API's and the token's server, once seen
        self._renewing = threading.Lock()
        self._closed = False
        self._watchdog = Watchdog(config.answer_seconds)
        self._http = httpx2.Client(
            verify=trust_context(config.ca_pem, config.party) if config.verify_tls else False,
            timeout=httpx2.Timeout(config.read_seconds, connect=config.connect_seconds),
            follow_redirects=False,
            trust_env=False,
            headers={"Accept": "application/json", "Content-Type": "application/json"},
        )

    def close(self) -> None:
        self._closed = True
        self._watchdog.stop()
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        params: dict[str, Any] | None = None,
        *,
        headers: dict[str, str] | None = None,
        safe: bool = True,
        decode: Decode = _decode_object,
    ) -> dict[str, Any]:
        """Make a call and return the JSON object of its answer. Only `safe` calls are repeated, with back-off.

        `decode` turns the body of a good answer into that object, and raises ValueError if it is no JSON.
        """
        attempts = stamina.retry_context(
            on=_backoff,
            attempts=ATTEMPTS if safe else 1,
            timeout=120.0,
            wait_initial=0.2,
            wait_max=10.0,
            wait_jitter=0.5,
        )
        for attempt in attempts:
            with attempt:
                return self._call_once(method, path, body, params, headers or {}, decode)
        raise AssertionError("stamina answers or raises")

    def _call_once(
        self, method: str, path: str, body: Any, params: dict[str, Any] | None, extra: dict[str, str], decode: Decode
    ) -> dict[str, Any]:
        if self._closed:
            raise CssmRefused("rejected", "The reading was given up.")
        self.circuit.check(self.host)
        url = self.config.api_base_url.rstrip("/") + path
        try:
            with self.places:
                status, headers, content = self._send(method, url, body, params, extra)
            answer = self._read_answer(status, headers, content, self.host, decode)
        except CssmBusy:
            raise  # the server answers and tells when to call again
        except CssmUnavailable as error:
            self.circuit.record(ok=False, why=error.for_others)
            raise
        except CssmRefused:
            self.circuit.record(ok=True)  # the server answers
            raise
        self.circuit.record(ok=True)
        return answer

    def _send(
        self, method: str, url: str, body: Any, params: dict[str, Any] | None, extra: dict[str, str]
    ) -> tuple[int, Any, bytes]:
        """Send a request, and repeat it with one new token if the old one is refused.

        A token that another thread renewed meanwhile does not count as the new one.
        """
        renewed = False
        for _ in range(SENDINGS):
            token = self._bearer()
            headers = {**extra, "Authorization": f"Bearer {token}"}
            answer = self.exchange(method, url, headers=headers, json=body, params=params)
            refused = answer[0] == 401 or (answer[0] == 403 and self.config.on_prem)
            if not refused or renewed:
                break
            renewed = self._forget_token(token)
        return answer

    def exchange(self, method: str, url: str, **options: Any) -> tuple[int, Any, bytes]:
        """Send one request and read its answer up to the limits on size and time. Nothing is repeated.

        Other protocols use it too (licensing.fleet.access.axl). Raises CssmUnavailable or CssmRefused.
        """
        config = self.config
        check_address(
            url,
            config.party,
            allow_http=config.allow_http,
            allowed_networks=config.allowed_networks,
            allow_private=config.on_prem,
        )
        options = {name: value for name, value in options.items() if value is not None}
        options["extensions"] = {"trace": self._trace}
        with self._watchdog.watch():
            return self._exchange(method, url, options)

    def _exchange(self, method: str, url: str, options: dict[str, Any]) -> tuple[int, Any, bytes]:
        try:
            with self._http.stream(method, url, **options) as response:
                return response.status_code, response.headers, self._read(response)
        except httpx2.TimeoutException:
            raise CssmUnavailable(f"{self.host} did not answer in time.") from None
        except httpx2.ConnectError as error:
            raise CssmUnavailable(f"{self.host} cannot be reached: {_reason(error)}.") from None
        except httpx2.InvalidURL:
            words = f"{url[:WORDS_LENGTH]!r} is not a valid address."
            raise CssmRefused("address_not_allowed", words, "Check the API base URL.") from None
        except httpx2.HTTPError:
            words = "did not complete its response in time" if self._watchdog.overdue() else "broke off its response"
            raise CssmUnavailable(f"{self.host} {words}.") from None

    def _read(self, response: httpx2.Response) -> bytes:
        """Return the unpacked body, within the limits on size and time."""
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > self.config.max_answer_bytes:
                raise CssmUnavailable(f"{self.host} sent a response that exceeds the size limit.")
            if self._watchdog.overdue():
                raise CssmUnavailable(f"{self.host} did not complete its response in time.")
        return bytes(content)

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        """Check the peer of a new connection before it carries a byte of ours, and note its certificate."""
        if event == "connection.start_tls.complete":
            self._note_certificate(info["return_value"])
            self._watchdog.add(info["return_value"].get_extra_info("socket"))
        if event != "connection.connect_tcp.complete":
            return
        stream, config = info["return_value"], self.config
        self._watchdog.add(stream.get_extra_info("socket"))
        peer = str(stream.get_extra_info("server_addr")[0])
        try:
            networks = config.allowed_networks
            check_peer(self.host, peer, config.party, allowed_networks=networks, allow_private=config.on_prem)
        except CssmRefused:
            stream.close()
            raise

    def _note_certificate(self, stream: Any) -> None:
        """Note the end of a certificate, verified or not. Of several, the one that ends first counts."""
        handshake = stream.get_extra_info("ssl_object")
        shown = handshake.getpeercert(True) if handshake else None
        if shown:
            ends = load_der_x509_certificate(shown).not_valid_after_utc
            self.certificate_not_after = min(ends, self.certificate_not_after or ends)

    def _bearer(self) -> str:
        with self._renewing:
            if not self._token or time.monotonic() > self._renew_at:
                self._fetch_token()
            return self._token

    def _forget_token(self, token: str) -> bool:
        """Forget a refused token. Returns False if another thread has replaced it already."""
        with self._renewing:
            current = token == self._token
            if current:
                self._token = ""
            return current

    def _fetch_token(self) -> None:
        """Send the credentials as a form in the cloud, as JSON On-Prem (docs/cisco-api.md#on-prem-token)."""
        config = self.config
        fields = {
            "grant_type": "client_credentials",
            "client_id": config.client_id,
            "client_secret": config.client_secret,
        }
        kind = {"json": fields} if config.on_prem else {"data": fields}
        headers = None if config.on_prem else {"Content-Type": "application/x-www-form-urlencoded"}
        status, answer_headers, content = self.exchange("POST", config.token_url, headers=headers, **kind)
        host = urlsplit(config.token_url).netloc
        if status in {404, 405} or 300 <= status < 400:
            raise CssmRefused("rejected", f"{host} does not issue tokens at this address ({status}).", WRONG_TOKEN_URL)
        if status in {400, 401, 403} and OVER_RATE not in content:
            step = ON_PREM_CLIENT if config.on_prem else NEW_CLIENT
            raise CssmRefused("invalid_client", "Cisco's side refused the client ID or secret.", step)
        answer = self._read_answer(status, answer_headers, content, host)
        token = answer.get("access_token")
        if not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token):
            raise CssmUnavailable("The token endpoint answered without a token.", WRONG_TOKEN_URL)
        self._token = token
        lifetime = min(number(answer.get("expires_in")), MOST_SECONDS)
        lifetime = lifetime if lifetime > 0 else USUAL_SECONDS
        self._renew_at = time.monotonic() + max(lifetime - RENEW_BEFORE_SECONDS, lifetime / 2)

    def _read_answer(
        self, status: int, headers: Any, content: bytes, host: str, decode: Decode = _decode_object
    ) -> dict[str, Any]:
        """Return the JSON object of a good answer; everything else raises (docs/cisco-api.md#what-is-success)."""
        try:
            answer = {} if status == 204 else decode(content)
        except (ValueError, RecursionError):
            answer = None
        if 200 <= status < 300:
            if not isinstance(answer, dict):
                raise CssmUnavailable(f"{host} sent a response that is incomplete or not JSON.")
            if str(answer.get("status") or "").upper() in SUCCESS_WORDS:
                return answer
        words = self._words(answer, status, content)
        if status == 429 or (status == 403 and OVER_RATE in content):
            raise CssmBusy(f"{host} answered {status}: {words}.", retry_after=_retry_after(headers))
        if status >= 500:
            summary = f"{host} answered {status}"
            raise CssmUnavailable(f"{summary}: {words}.", retry_after=_retry_after(headers), for_others=f"{summary}.")
        raise _refusal(status, words, host, on_prem=self.config.on_prem)

    def _words(self, answer: Any, status: int, content: bytes) -> str:
        """Return Cisco's reason in one line, without our secrets: from a member, a plain body, or the status code."""
        names = ("statusMessage", "message", "error_description", "error")
        found = next((answer[name] for name in names if answer.get(name)), None) if isinstance(answer, dict) else None
        reason = str(found) if found else _plain_body(answer, content)
        for secret in filter(None, (self.config.client_secret, self._token)):
            reason = reason.replace(secret, "[secret]")
        return shorten_line(reason).rstrip(".") or httpx2.codes.get_reason_phrase(status) or "no reason given"


def segment(name: str) -> str:
    """Return a name as one segment of a path."""
    return quote(name, safe="")


def digest(text: str) -> str:
    """Return the SHA-256 that tells registration tokens apart without storing their text."""
    return hashlib.sha256(text.encode()).hexdigest()


def _backoff(error: Exception) -> bool | float:
    """Return whether to try again, or the seconds to wait that the server asked for."""
    if not isinstance(error, CssmUnavailable) or isinstance(error, CircuitOpen):
        return False
    return min(error.retry_after, 60.0) if error.retry_after is not None else True


def _refusal(status: int, words: str, host: str, *, on_prem: bool) -> CssmRefused:
    if status < 300:
        return CssmRefused("rejected", f"{host} refused the call: {words}.")
    if status < 400:
        step = "Check the API base URL: https or http, host name, port."
        return CssmRefused("rejected", f"{host} redirects to another address, which the portal does not follow.", step)
    if status == 401:
        step = ON_PREM_CLIENT if on_prem else NEW_CLIENT
        return CssmRefused("invalid_client", f"{host} does not accept its own token: {words}.", step)
    if status == 403 and "role" in words.lower():
        step = "Give the Cisco ID behind the client the Smart Account User role on this smart account."
        return CssmRefused("no_role", f"{host} refused access: {words}.", step)
    if status == 403:
        return CssmRefused("no_api_access", f"{host} refused access: {words}.", ON_PREM_NO_API if on_prem else NO_API)
    if status == 404:
        step = "Check the domain of the smart account (On-Prem: the name of the local account) and the API base URL."
        return CssmRefused("unknown_account", f"{host} does not know the account or address: {words}.", step)
    return CssmRefused("rejected", f"{host} refused the call with {status}: {words}.")


def shorten_line(text: str) -> str:
    """Return a short line without NUL, line breaks and marks that turn text, for pages, logs and the database."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * WORDS_LENGTH])
    return " ".join(shown.split())[:WORDS_LENGTH]


def _plain_body(answer: Any, content: bytes) -> str:
    """Return a body that people can read, which is neither JSON nor markup, or ""."""
    text = "" if answer is not None else content[: 4 * WORDS_LENGTH].decode("utf-8", "replace")
    return "" if "<" in text or "{" in text else text


def _retry_after(headers: Any) -> float | None:
    """Return the seconds to wait from either form of the header (RFC 9110 §10.2.3): a number or a moment."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def _reason(error: Exception) -> str:
    words = str(error).lower()
    return "its certificate is not trusted" if "certificate" in words else "no connection"
