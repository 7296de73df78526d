"""What people do with license servers, smart accounts and virtual accounts. Pages, REST and commands call these.

Schedules are planned by licensing.tasks, whose functions of the same names wrap those that need it.
"""

import re
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError, QuerySet
from django.utils import timezone

from licensing import guards, purposes
from licensing.cssm.addresses import check_address
from licensing.cssm.errors import CssmRefused, CssmUnavailable
from licensing.cssm.trust import check_ca
from licensing.models import (
    Assignment,
    InstanceUsage,
    License,
    LicenseLine,
    LicenseServer,
    Overage,
    ProductInstance,
    SmartAccount,
    TransferPlan,
    UsageSample,
    VirtualAccount,
)
from licensing.refusals import Refusal
from people import audit, users
from people.audit import Actor
from people.models import User

CLOUD_DOMAIN = re.compile(r"[^\s/\\?#@:]+(\.[^\s/\\?#@:]+)+")
ON_PREM_FACTS = (
    "registration_url", "on_prem_name", "host_common_name", "hcmf_version", "offline", "last_cloud_sync_at",
    "instance_limit",
)  # fmt: skip
RENAMED = "Cisco addresses a smart account by it; add another smart account instead."


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
def delete_server(actor: Actor, server: LicenseServer) -> None:
    users = [*server.smart_accounts.all(), *server.clusters.all()]
    guards.of_server(server).check(
        f"{server.name} is in use by {_list(users)}.", "Remove its smart accounts and move its clusters first."
    )
    audit.record(actor, "deleted", server, changes={})
    server.delete()


@transaction.atomic
def add_smart_account(actor: Actor, server: LicenseServer, domain: str, **fields: Any) -> SmartAccount:
    """`fields`: name, account_type, client_id, client_secret, sync_every. Its schedule: tasks.add_smart_account."""
    domain = domain.strip()
    if server.is_cloud and not CLOUD_DOMAIN.fullmatch(domain):
        raise Refusal(f"{domain!r} is not an account domain.", "Enter it as CSSM shows it: acme.example.", "domain")
    if not domain:
        raise Refusal("The name of the local account is missing.", "Enter it as the On-Prem server shows it.", "domain")
    if SmartAccount.objects.filter(license_server=server, domain__iexact=domain).exists():
        raise Refusal(f"{domain} of {server.name} is here already.", "Open it in the list of smart accounts.", "domain")
    seen_accounts: list[dict[str, Any]] = server.visible_accounts
    visible = next((seen for seen in seen_accounts if seen["domain"].lower() == domain.lower()), {})
    fields.setdefault("name", visible.get("name", ""))
    fields.setdefault("account_type", visible.get("type") or "CUSTOMER")
    account = SmartAccount(license_server=server, domain=domain, **fields)
    _check_pair(account.client_id, account.client_secret)
    _save(account)
    audit.record(actor, "added", account)
    return account


@transaction.atomic
def save_smart_account(actor: Actor, account: SmartAccount, before: dict[str, Any]) -> SmartAccount:
    """Name, interval and client ID may change, server and domain may not. Its schedule: tasks.save_smart_account."""
    if before["domain"] != account.domain:
        raise Refusal("The domain of a smart account cannot change.", RENAMED, "domain")
    if before["license_server"] != account.license_server_id:
        raise Refusal("The license server of a smart account cannot change.", RENAMED, "license_server")
    _check_pair(account.client_id, account.client_secret)
    _save(account, before)
    audit.record(actor, "changed", account, before=before)
    return account


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


@transaction.atomic
def pause(actor: Actor, account: SmartAccount) -> None:
    """No syncs and no alerts of it; a sync that is running ends by itself. Its schedule: tasks.pause."""
    if account.paused_at:
        raise Refusal(f"{account} is paused already.", "Resume it when its numbers matter again.")
    audit.change(actor, "paused", account, paused_at=timezone.now())


@transaction.atomic
def resume(actor: Actor, account: SmartAccount) -> None:
    if not account.paused_at:
        raise Refusal(f"{account} is not paused.")
    audit.change(actor, "resumed", account, paused_at=None)


@transaction.atomic
def remove(actor: Actor, account: SmartAccount) -> None:
    """The account and everything mirrored from it, with the history of its ended assignments. Nothing changes at Cisco.

    Its schedule: tasks.remove.
    """
    # A sync that merges at this moment holds it: its rows are there or not, before we look.
    SmartAccount.objects.select_for_update().filter(pk=account.pk).first()
    pools = VirtualAccount.objects.filter(smart_account=account)
    guard = guards.of_smart_account(account)
    _refuse_while_assigned(f"{account} cannot be removed", pools, guard=guard)
    guard.check(f"{account} cannot be removed: an assignment job or a batch is not over.")
    if account.sync_runs.unfinished().exists():
        raise Refusal(f"{account} is being synced.", "Wait until the sync is over, then remove it.")
    if account.transfer_plans.executing().exists():
        raise Refusal(f"A transfer plan of {account} is being executed.", "Wait until it is over, then remove it.")
    audit.record(actor, "removed", account, changes={"pools": [pools.count(), 0]})
    Assignment.objects.filter(virtual_account__in=pools).delete()
    _delete_mirror(pools)
    try:
        account.delete()
    except ProtectedError as error:
        raise Refusal(
            f"{account} is in use by {_list(list(error.protected_objects))}.", "Remove those first."
        ) from None


@transaction.atomic
def set_purpose(actor: Actor, virtual_account: VirtualAccount, purpose: str) -> None:
    if purpose not in VirtualAccount.Purpose.values:
        raise Refusal(
            f"{purpose!r} is not a purpose.", f"Choose one of {', '.join(VirtualAccount.Purpose.values)}.", "purpose"
        )
    # Of two who choose the same purpose at once the second is told who has it.
    SmartAccount.objects.select_for_update(no_key=True).get(pk=virtual_account.smart_account_id)
    others = VirtualAccount.objects.filter(smart_account=virtual_account.smart_account_id, purpose=purpose)
    other = others.exclude(pk=virtual_account.pk).first()
    if other and purpose != VirtualAccount.Purpose.GENERAL:
        raise Refusal(
            f"{other} is the {purpose} pool of this smart account already.", f"Set {other} to general first.", "purpose"
        )
    if purpose == VirtualAccount.Purpose.ORDERED:
        _refuse_while_assigned(f"{virtual_account} cannot become the ordered pool", [virtual_account])
    audit.change(actor, "changed", virtual_account, purpose=purpose)


def purpose_suggestions(pools: Iterable[VirtualAccount]) -> list[purposes.Suggestion]:
    """For the present virtual accounts of one smart account, by their names."""
    general = VirtualAccount.Purpose.GENERAL
    pools = list(pools)
    taken = {pool.purpose for pool in pools if pool.purpose != general}
    return purposes.suggest([pool.name for pool in pools if pool.purpose == general], taken)


@transaction.atomic
def set_license_mode(actor: Actor, virtual_account: VirtualAccount, mode: str) -> None:
    if mode not in VirtualAccount.LicenseMode.values:
        raise Refusal(f"{mode!r} is not a license mode.", "Choose hcs, enterprise or none.", "license_mode")
    # As it is now: the caller may have read the row before somebody changed it.
    stored = VirtualAccount.objects.select_for_update(no_key=True).get(pk=virtual_account.pk)
    if mode != stored.license_mode:
        _refuse_while_assigned(
            f"The license mode of {virtual_account} cannot change", [virtual_account], field="license_mode"
        )
    audit.change(actor, "changed", virtual_account, license_mode=mode)


@transaction.atomic
def set_holder(
    actor: Actor, virtual_account: VirtualAccount, cost_center: str, region: str, owner: User | None
) -> None:
    """Whose pool it is. Raises Refusal for an owner who has left."""
    users.check_owner(owner, virtual_account.owner_id)
    audit.change(actor, "changed", virtual_account, cost_center=cost_center.strip(), region=region.strip(), owner=owner)


@transaction.atomic
def set_note(actor: Actor, row: VirtualAccount | ProductInstance, note: str) -> None:
    audit.change(actor, "changed", row, note=note.strip())


def _check_addresses(server: LicenseServer, before: dict[str, Any] | None) -> None:
    """Refuse an address now that every connection would refuse; that a name does not resolve may pass."""
    for name in ("api_base_url", "token_url"):
        address: str = getattr(server, name)
        if before and (before["kind"], before[name]) == (server.kind, address):
            continue
        if not re.fullmatch(r"https?://[^/@?#\\\s]+(/\S*)?", address):
            raise Refusal("That is not an address.", "Enter it with https:// and the host name.", name)
        try:
            check_address(
                address,
                allow_http=settings.ALLOW_HTTP,
                allowed_networks=settings.ALLOWED_NETWORKS,
                allow_private=not server.is_cloud,
            )
        except CssmRefused as error:
            raise Refusal(error.message, error.next_step, name) from None
        except CssmUnavailable:
            continue


def _check_ca(server: LicenseServer, before: dict[str, Any] | None) -> None:
    if before and before["ca_certificate"] == server.ca_certificate:
        return
    try:
        check_ca(server.ca_certificate)
    except CssmRefused as error:
        raise Refusal(error.message, error.next_step, "ca_certificate") from None


def _check_on_prem_facts(server: LicenseServer) -> None:
    """What only an On-Prem server has, and that its last sync with Cisco is not still to come."""
    for name in ON_PREM_FACTS if server.is_cloud else ():
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


def _refuse_while_assigned(
    sentence: str,
    pools: QuerySet[VirtualAccount] | list[VirtualAccount],
    field: str = "",
    guard: guards.Guard | None = None,
) -> None:
    """`guard`: all that stands in the way, where that is more than assignments."""
    # licensing.assignment takes the same lock: none is assigned between our look and our change.
    held = VirtualAccount.objects.select_for_update(no_key=True).filter(pk__in=[pool.pk for pool in pools])
    list(held.order_by("pk").values_list("pk"))
    assigned = Assignment.objects.current().filter(virtual_account__in=pools).select_related("cluster")
    clusters = [assignment.cluster for assignment in assigned]
    if clusters:
        one = len(clusters) == 1
        guard = guard or guards.Guard(guards.assigned_to(assigned), guards.END_FIRST)
        raise Refusal(
            f"{sentence} while {_list(clusters)} {'is' if one else 'are'} assigned.",
            f"End {'that assignment' if one else 'those assignments'} first.",
            field,
            guard.blockers,
            guard.steps,
        )


def _delete_mirror(pools: QuerySet[VirtualAccount]) -> None:
    """Set-wise, children first: an account may hold 100,000 product instances."""
    TransferPlan.objects.filter(smart_account__virtual_accounts__in=pools).delete()
    for rows in (
        InstanceUsage.objects.filter(product_instance__virtual_account__in=pools),
        ProductInstance.objects.filter(virtual_account__in=pools),
        UsageSample.objects.filter(license__virtual_account__in=pools),
        Overage.objects.filter(license__virtual_account__in=pools),
        LicenseLine.objects.filter(license__virtual_account__in=pools),
        License.objects.filter(virtual_account__in=pools),
    ):
        rows._raw_delete(rows.db)  # type: ignore[attr-defined]


def _save(row: LicenseServer | SmartAccount, before: dict[str, Any] | None = None) -> None:
    """Only what has changed is written: a sync or a connection test may write its own columns meanwhile."""
    try:
        row.full_clean()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise Refusal(" ".join(messages), "", "" if field == "__all__" else field) from None
    after = audit.snapshot(row)
    row.save(update_fields=[name for name in after if before.get(name) != after[name]] if before else None)


def _list(rows: list[Any]) -> str:
    """The first few by name, the rest as a number."""
    shown = ", ".join(str(row) for row in rows[:3])
    return shown if len(rows) <= 3 else f"{shown} and {len(rows) - 3} more"
