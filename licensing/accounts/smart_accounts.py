"""Add smart accounts and save what people change about them."""

import re
from typing import Any

from django.db import transaction

from kit.refusals import Refusal
from licensing.accounts.models import LicenseServer, SmartAccount
from licensing.accounts.schedules import plan_sync
from licensing.accounts.servers import _check_pair, _save
from people import audit
from people.audit import Actor

CLOUD_DOMAIN = re.compile(r"[^\s/\\?#@:]+(\.[^\s/\\?#@:]+)+")
RENAMED = "Cisco identifies a smart account by it. Add another smart account instead."


@transaction.atomic
def add_smart_account(actor: Actor, server: LicenseServer, domain: str, **fields: Any) -> SmartAccount:
    """Add a smart account and plan its first sync at once.

    `fields`: those of SmartAccount.OWN, account_type, client_id and client_secret.
    """
    domain = domain.strip()
    if server.is_cloud and not CLOUD_DOMAIN.fullmatch(domain):
        raise Refusal(f"{domain!r} is not an account domain.", "Enter it as CSSM shows it: acme.example.", "domain")
    if not domain:
        raise Refusal("The name of the local account is missing.", "Enter it as the On-Prem server shows it.", "domain")
    if SmartAccount.objects.filter(license_server=server, domain__iexact=domain).exists():
        raise Refusal(
            f"{domain} of {server.name} was added before.", "Open it in the list of smart accounts.", "domain"
        )
    accounts: list[dict[str, Any]] = server.visible_accounts
    visible = next((account for account in accounts if account["domain"].lower() == domain.lower()), {})
    fields.setdefault("name", visible.get("name", ""))
    fields.setdefault("account_type", visible.get("type") or "CUSTOMER")
    account = SmartAccount(license_server=server, domain=domain, **fields)
    _check_pair(account.client_id, account.client_secret)
    _save(account)
    audit.record(actor, "added", account)
    plan_sync(account, soon=True)
    return account


@transaction.atomic
def save_smart_account(actor: Actor, account: SmartAccount, before: dict[str, Any]) -> SmartAccount:
    """Save an account. Name, interval and client ID may change, server and domain may not."""
    if before["domain"] != account.domain:
        raise Refusal("The domain of a smart account cannot change.", RENAMED, "domain")
    if before["license_server"] != account.license_server_id:
        raise Refusal("The license server of a smart account cannot change.", RENAMED, "license_server")
    _check_pair(account.client_id, account.client_secret)
    _save(account, before)
    audit.record(actor, "changed", account, before=before)
    if not account.paused_at:
        plan_sync(account)
    return account
