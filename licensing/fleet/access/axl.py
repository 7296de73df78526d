"""Call Unified CM's AXL for licensing (docs/cisco-api.md#axl-calls): read the status, register, deregister.

Calls go over licensing.cisco.transport: the same address checks, TLS, time limits and answer bounds as calls to Cisco.
No write is repeated blindly. Unified CM 14 may drop the connection while a registration succeeds, so after every write,
answered or not, the status is read until it says what has become of it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from licensing.cisco.addresses import CLUSTER
from licensing.cisco.errors import CssmError, CssmRefused, CssmUnavailable
from licensing.cisco.transport import ServerConfig, Transport
from licensing.fleet.access import soap
from licensing.fleet.access.answers import ReachRefused, ReachUnavailable, Status

STATUS, REGISTER, DEREGISTER = "getSmartLicenseStatus", "doSmartLicenseRegister", "doSmartLicenseDeRegister"
MAX_ANSWER_BYTES = 1024 * 1024
CREDENTIALS = "Check user name and password; the user needs the role Standard AXL API Access on the publisher."
SERVICE = "Activate the Cisco AXL Web Service on the publisher, and check the address."
LATER = "Test the access again in a few minutes."
LOOK = "Test the access to see whether the cluster is registered, before you try again."


@dataclass(frozen=True, slots=True)
class AxlConfig:
    """The settings for one publisher. `url` is its scheme, host and port, `version` that of Unified CM.

    `settle_seconds` is how long the status may take to show what a write has done.
    """

    url: str
    username: str
    password: str = field(repr=False)
    version: str = ""
    ca_pem: str = ""
    verify_tls: bool = True
    allow_http: bool = False
    allowed_networks: tuple[str, ...] = ()
    connect_seconds: float = 5.0
    read_seconds: float = 60.0
    answer_seconds: float = 120.0
    settle_seconds: float = 90.0
    pause_seconds: float = 3.0


class Axl:
    """A client of one publisher. Use it as a context manager. Raises ReachRefused and ReachUnavailable only."""

    def __init__(self, config: AxlConfig) -> None:
        self.config = config
        self.url = config.url.rstrip("/") + "/axl/"
        self.host = urlsplit(config.url).netloc
        try:
            self.transport = Transport(_transport_config(config, self.url))
        except CssmError as error:
            raise _translate_error(error) from None

    def __enter__(self) -> "Axl":
        return self

    def __exit__(self, *_: object) -> None:
        self.transport.close()

    def status(self) -> Status:
        found = self._call(STATUS)
        if not isinstance(found, Status):
            raise ReachUnavailable(f"{self.host} returned no licensing status.", LATER)
        return found

    def register(self, token_text: str) -> Status:
        """Register the cluster and return its status. A cluster that is already registered is not asked again."""
        return self._write(REGISTER, {"token": token_text, "force": "false"}, wanted=True)

    def deregister(self) -> Status:
        return self._write(DEREGISTER, {}, wanted=False)

    def _write(self, call: str, members: dict[str, str], *, wanted: bool) -> Status:
        before = self.status()
        if before.registered is wanted:
            return before
        if before.registered is None:  # an earlier call is still at it: none is sent beside it
            return self._wait_for_status(wanted, before, None)
        try:
            self._call(call, members)
        except ReachUnavailable as lost:
            return self._wait_for_status(wanted, before, lost)
        return self._wait_for_status(wanted, before, None)

    def _wait_for_status(self, wanted: bool, before: Status, lost: ReachUnavailable | None) -> Status:
        """Read the status until it is as wanted, or the time is up."""
        end = time.monotonic() + self.config.settle_seconds
        while True:
            found = self._status_or_none()
            if found is not None and found.registered is wanted:
                return found
            if found is not None and found.reason and found.reason != before.reason:
                raise ReachRefused(f"{self.host} could not register: {found.reason}.", _next_step_for(found.reason))
            if time.monotonic() + self.config.pause_seconds > end:
                raise self._timeout_error(found, lost)
            time.sleep(self.config.pause_seconds)

    def _status_or_none(self) -> Status | None:
        try:
            return self.status()
        except ReachUnavailable:
            return None

    def _timeout_error(self, found: Status | None, lost: ReachUnavailable | None) -> ReachUnavailable:
        if found is None:
            return ReachUnavailable(
                f"{self.host} stopped responding. The portal does not know whether the step was done.", LOOK
            )
        state = {True: "is still registered", False: "is not registered", None: "is still working on it"}[
            found.registered
        ]
        why = f"{lost.message} " if lost else ""
        return ReachUnavailable(f"{why}{self.host} {state} after {self.config.settle_seconds:.0f} seconds.", LOOK)

    def _call(self, call: str, members: dict[str, str] | None = None) -> Status | None:
        version = soap.axl_version(self.config.version)
        headers = {
            "Content-Type": "text/xml; charset=utf-8",
            "Accept": "text/xml",
            "SOAPAction": f'"CUCM:DB ver={version} {call}"',
        }
        try:
            status, _, content = self.transport.exchange(
                "POST",
                self.url,
                headers=headers,
                content=soap.envelope(call, version, members),
                auth=(self.config.username, self.config.password),
            )
        except CssmError as error:
            raise _translate_error(error) from None
        return self._read_answer(status, content)

    def _read_answer(self, status: int, content: bytes) -> Status | None:
        """Read the answer. AXL's faults come with HTTP 500; HTML with any code does not come from AXL."""
        if refusal := _refusals(self.host).get(status):
            raise refusal()
        try:
            found = soap.read(content)
        except soap.NotXml:
            found, status = None, status if status >= 400 else 0
        if isinstance(found, soap.Fault):
            raise ReachRefused(f"{self.host} refused the call: {found.text.rstrip('.')}.", _next_step_for(found.text))
        if status >= 400:
            raise ReachUnavailable(f"{self.host} answered with HTTP {status}, not with AXL.", LATER)
        if status == 0:
            raise ReachUnavailable(f"{self.host} sent an answer that is incomplete or not XML.", LATER)
        return found


def _refusals(host: str) -> dict[int, Callable[[], Exception]]:
    """Return the refusal for each HTTP code. 599 is AXL's own code for a version that it does not know."""
    moved = f"{host} redirects to another address. The portal does not follow redirects."
    return {
        401: lambda: ReachRefused(f"{host} refused the user name or the password.", CREDENTIALS),
        403: lambda: ReachRefused(f"{host} refused access to AXL.", CREDENTIALS),
        404: lambda: ReachRefused(f"{host} has no AXL at this address.", SERVICE),
        599: lambda: ReachRefused(f"{host} does not know this version of AXL.", "Correct the cluster's version."),
        **{code: (lambda: ReachRefused(moved, "Enter the publisher's own address.")) for code in (301, 302, 307, 308)},
    }


def _next_step_for(words: str) -> str:
    if "token" in words.casefold():  # (docs/cisco-api.md#invalid-token)
        return "Use another registration token. This one is no longer valid, or its text is incomplete."
    return "Check License Management in the application, then try again."


def _transport_config(config: AxlConfig, url: str) -> ServerConfig:
    """Configure the transport as for On-Prem servers, because a publisher stands in the same networks.

    Private networks are allowed. Tokens of the API are not used.
    """
    return ServerConfig(
        kind="on_prem",
        api_base_url=url,
        token_url=url,
        client_id="",
        client_secret="",
        ca_pem=config.ca_pem,
        verify_tls=config.verify_tls,
        allow_http=config.allow_http,
        allowed_networks=config.allowed_networks,
        connect_seconds=config.connect_seconds,
        read_seconds=config.read_seconds,
        answer_seconds=config.answer_seconds,
        max_answer_bytes=MAX_ANSWER_BYTES,
        party=CLUSTER,
    )


def _translate_error(error: CssmError) -> Exception:
    """Return the same failure in the words and kinds of this package."""
    message = error.message
    if isinstance(error, CssmUnavailable):
        step = "Check the address, and that the portal may reach the publisher." if "reach" in message else LATER
        return ReachUnavailable(message, step)
    assert isinstance(error, CssmRefused)
    return ReachRefused(message, error.next_step)
