"""Build the client of a license server from its row, and test the connection."""

from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.utils import timezone

from kit.broker import send
from kit.refusals import Refusal
from kit.secrets import SecretUnreadable
from kit.wording import counted
from licensing.accounts.models import LicenseServer, SmartAccount
from licensing.cisco.client import CssmClient
from licensing.cisco.errors import CssmError, CssmRefused
from licensing.cisco.transport import ServerConfig
from licensing.cisco.types import AccountRef

CHECK_CONNECTION = "licensing.operations.tasks.check_connection"
CHECK_COLUMNS = ["checked_at", "check_status", "check_message", "check_next_step", "visible_accounts"]


def client_for(license_server: LicenseServer, smart_account: SmartAccount | None = None) -> CssmClient:
    """Return the client of a license server, with the account's own credentials if any. Raises SecretUnreadable."""
    owner = smart_account if smart_account and smart_account.client_id else license_server
    secret: Any = owner.client_secret
    return CssmClient(
        ServerConfig(
            kind=license_server.kind,
            api_base_url=license_server.api_base_url,
            token_url=license_server.token_url,
            client_id=owner.client_id,
            client_secret=secret.reveal(),
            ca_pem=license_server.ca_certificate,
            verify_tls=license_server.verify_tls,
            allow_http=settings.ALLOW_HTTP,
            allowed_networks=settings.ALLOWED_NETWORKS,
            max_parallel=settings.CSSM_MAX_PARALLEL,
        )
    )


def client_of(smart_account: SmartAccount) -> CssmClient:
    """Return the client of a smart account, for actions of people. Raises Refusal if a secret does not open."""
    try:
        return client_for(smart_account.license_server, smart_account)
    except SecretUnreadable as error:
        raise Refusal(
            str(error), "Enter the client secret of the smart account or of its license server again."
        ) from None


def account_ref(smart_account: SmartAccount) -> AccountRef:
    return AccountRef(smart_account.domain, smart_account.account_type)


def start_check(license_server: LicenseServer) -> None:
    """Queue a connection test. Raises BrokerUnavailable."""
    before = license_server.check_status
    _set_check_status(license_server, LicenseServer.Check.RUNNING)
    send(CHECK_CONNECTION, license_server.pk, undo=lambda: _set_check_status(license_server, before))


def _set_check_status(server: LicenseServer, status: str) -> None:
    server.check_status = status
    server.save(update_fields=["check_status"])


def check(license_server: LicenseServer) -> None:
    """Sign in, find the visible accounts, and store the result in plain words."""
    try:
        with client_for(license_server) as client:
            accounts = client.smart_accounts()
        note_certificate(license_server, client)
    except CssmError as error:
        refused = isinstance(error, CssmRefused)
        status = LicenseServer.Check.REFUSED if refused else LicenseServer.Check.UNAVAILABLE
        _store_check(license_server, status, error.message, error.next_step)
    except SecretUnreadable as error:
        _store_check(license_server, LicenseServer.Check.REFUSED, str(error), "Enter the client secret again.")
    else:
        license_server.visible_accounts = [
            {name: value for name, value in asdict(account).items() if name != "status"} for account in accounts
        ]
        _store_check(license_server, LicenseServer.Check.OK, *_describe_visible(len(accounts)))


def note_certificate(license_server: LicenseServer, client: CssmClient) -> None:
    """Store the end of the certificate that the server has just shown, for the alert before it expires."""
    ends = client.transport.certificate_not_after
    if ends and ends != license_server.certificate_not_after:
        license_server.certificate_not_after = ends
        LicenseServer.objects.filter(pk=license_server.pk).update(certificate_not_after=ends)


def _describe_visible(number: int) -> tuple[str, str]:
    if not number:
        step = "Give the Cisco ID behind the client the Smart Account User role on a smart account."
        return "Connected, but the credentials see no smart account.", step
    return f"Connected. The credentials see {counted(number, 'smart account')}.", ""


def _store_check(server: LicenseServer, status: str, message: str, next_step: str) -> None:
    server.checked_at = timezone.now()
    server.check_status, server.check_message, server.check_next_step = status, message, next_step
    server.save(update_fields=CHECK_COLUMNS)
