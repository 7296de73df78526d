"""What people do with license servers, smart accounts and virtual accounts. Pages, REST and commands call these.

Schedules are planned by licensing.operations.tasks, whose functions of the same names wrap those that need it.
"""

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
    """`before`: audit.snapshot of the stored row, None for a new one. The last test's answer goes with its address."""
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
    """New credentials of a server, or of an account; both empty on an account: it uses its server's again."""
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
    """Check the addresses that are new, or that belong to another kind of server now."""
    for name in ("api_base_url", "token_url"):
        address: str = getattr(server, name)
        if before and (before["kind"], before[name]) == (server.kind, address):
            continue
        check_address(address, LICENSE_SERVER, name, allow_private=not server.is_cloud)


def _check_ca(server: LicenseServer, before: dict[str, Any] | None) -> None:
    if not before or before["ca_certificate"] != server.ca_certificate:
        check_ca(server.ca_certificate, LICENSE_SERVER)


def _check_on_prem_facts(server: LicenseServer) -> None:
    """What only an On-Prem server has, and that its last sync with Cisco is not still to come."""
    for name in LicenseServer.ON_PREM_FACTS if server.is_cloud else ():
        if getattr(server, name):
            raise Refusal("Only an On-Prem server has this.", "Leave it empty for the cloud.", name)
    if server.last_cloud_sync_at and server.last_cloud_sync_at > timezone.now():
        raise Refusal("That is in the future.", "Enter when the last one was.", "last_cloud_sync_at")


def _check_pair(client_id: str, secret: Any) -> None:
    if bool(client_id) != bool(secret):
        missing = "client_secret" if client_id else "client_id"
        raise Refusal("Client ID and secret belong together.", "Enter both.", missing)


def _forget_check(server: LicenseServer) -> None:
    server.checked_at, server.visible_accounts = None, []
    server.check_status, server.check_message, server.check_next_step = LicenseServer.Check.UNKNOWN, "", ""


def _save(row: LicenseServer | SmartAccount, before: dict[str, Any] | None = None) -> None:
    """Only what has changed is written: a sync or a connection test may write its own columns meanwhile."""
    check_row(row)
    after = audit.snapshot(row)
    row.save(update_fields=[name for name in after if before.get(name) != after[name]] if before else None)
