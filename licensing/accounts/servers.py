"""Save license servers and credentials. Pages, REST and the admin call the same functions."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from kit.refusals import Refusal, check_row
from licensing.accounts.entered import check_address, check_ca
from licensing.accounts.models import LicenseServer, SmartAccount
from licensing.cisco.addresses import LICENSE_SERVER
from people import audit
from people.audit import Actor


@transaction.atomic
def save_server(actor: Actor, server: LicenseServer, before: dict[str, Any] | None = None) -> LicenseServer:
    """Save a server. `before`: audit.snapshot of the stored row, None for a new one.

    A new address or client ID clears the result of the last connection test.
    """
    _check_addresses(server, before)
    _check_ca(server, before)
    _check_on_prem_facts(server)
    if before and any(
        before[name] != getattr(server, name) for name in ("kind", "api_base_url", "token_url", "client_id")
    ):
        _forget_check(server)
    _save(server, before)
    audit.record(actor, "changed" if before else "added", server, before=before)
    return server


@transaction.atomic
def change_secret(actor: Actor, row: LicenseServer | SmartAccount, client_id: str, secret: str) -> None:
    """Set the credentials of a server or of an account. An account with empty ones uses those of its server."""
    _check_pair(client_id, secret)
    if not client_id and isinstance(row, LicenseServer) and row.is_cloud:
        raise Refusal("A cloud server needs a client ID and a secret.", "Enter both.", "client_id")
    before = audit.snapshot(row)
    row.client_id, row.client_secret = client_id.strip(), secret
    if isinstance(row, LicenseServer):
        _forget_check(row)
    _save(row, before)
    audit.record(actor, "changed secret", row, before=before)


def _check_addresses(server: LicenseServer, before: dict[str, Any] | None) -> None:
    """Check the addresses that are new, and all of them after a change of kind."""
    for name in ("api_base_url", "token_url"):
        address: str = getattr(server, name)
        if before and (before["kind"], before[name]) == (server.kind, address):
            continue
        check_address(address, LICENSE_SERVER, name, allow_private=not server.is_cloud)


def _check_ca(server: LicenseServer, before: dict[str, Any] | None) -> None:
    if not before or before["ca_certificate"] != server.ca_certificate:
        check_ca(server.ca_certificate, LICENSE_SERVER)


def _check_on_prem_facts(server: LicenseServer) -> None:
    """Refuse On-Prem facts for the cloud, and a last sync with Cisco that is in the future."""
    for name in LicenseServer.ON_PREM_FACTS if server.is_cloud else ():
        if getattr(server, name):
            raise Refusal("Only On-Prem servers have this.", "Leave it empty for the cloud.", name)
    if server.last_cloud_sync_at and server.last_cloud_sync_at > timezone.now():
        raise Refusal("This time is in the future.", "Enter the time of the last one.", "last_cloud_sync_at")


def _check_pair(client_id: str, secret: Any) -> None:
    if bool(client_id) != bool(secret):
        missing = "client_secret" if client_id else "client_id"
        raise Refusal("Client ID and secret belong together.", "Enter both.", missing)


def _forget_check(server: LicenseServer) -> None:
    server.checked_at, server.visible_accounts = None, []
    server.check_status, server.check_message, server.check_next_step = LicenseServer.Check.UNKNOWN, "", ""


def _save(row: LicenseServer | SmartAccount, before: dict[str, Any] | None = None) -> None:
    """Save only the changed columns, because a sync or a connection test may write its own meanwhile."""
    check_row(row)
    after = audit.snapshot(row)
    row.save(update_fields=[name for name in after if before.get(name) != after[name]] if before else None)
