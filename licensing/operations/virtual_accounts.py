"""Virtual accounts are made and deleted at Cisco (docs/domain.md#C8, docs/domain.md#C18, docs/domain.md#F27).

After a write, answered or not, Cisco's list decides (`cssm.write_back`). These functions raise CssmError, and they wait
for Cisco: call them in a worker, outside of a transaction.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.utils import timezone

from kit.refusals import Refusal
from licensing.accounts import clients
from licensing.accounts.models import SmartAccount
from licensing.cisco import types
from licensing.cisco.client import CssmClient
from licensing.cisco.write_back import Words, found, write_and_verify
from licensing.mirror.deletion import DELETION
from licensing.mirror.models import VirtualAccount
from licensing.operations import removal
from people import audit

NAME_LENGTH = 300
LOOK = "Start a sync and look at the list of virtual accounts before you try again."


def create(actor: audit.Actor, account: SmartAccount, name: str, description: str = "") -> VirtualAccount:
    """The row as Cisco lists it. `name` is unique in the account, regardless of case."""
    name = check_creation(account, name)
    with clients.client_of(account) as client:
        made = write_and_verify(
            lambda: client.create_virtual_account(clients.account_ref(account), name, description.strip()),
            lambda: found(_find_listed(client, account, name)),
            Words(f"Cisco does not list {name}.", f"Whether {name} was made is not known.", LOOK),
        )
    return _keep(actor, account, made)


def check_creation(account: SmartAccount, name: str) -> str:
    """The name as it will be. Raises Refusal for what need not be asked at Cisco."""
    name = " ".join(name.split())
    _check_active(account)
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise Refusal(f"A name has 1 to {NAME_LENGTH} characters.", "Enter another name.", "name")
    known = VirtualAccount.objects.present().filter(smart_account=account, name__iexact=name).first()
    if known:
        raise Refusal(f"{account} has the virtual account {known} already.", "Choose another name.", "name")
    return name


def delete(actor: audit.Actor, pool: VirtualAccount) -> None:
    """At Cisco. The row stays with what people decided about it, as one that Cisco no longer lists."""
    account = pool.smart_account
    with _nobody_comes(pool), clients.client_of(account) as client:
        write_and_verify(
            lambda: client.delete_virtual_account(clients.account_ref(account), pool.name),
            lambda: found(None if _find_listed(client, account, pool.name) else True),
            Words(f"Cisco still lists {pool}.", f"Whether {pool} was deleted is not known.", LOOK),
        )
        _mark_gone(actor, pool)


@contextmanager
def _nobody_comes(pool: VirtualAccount) -> Iterator[None]:
    """Keep assignments out from the check of what is in it until it is gone: `check_stays` refuses them.

    An assignment holds the row until it is committed, so after the look at the locked row either it is seen here, or
    the lock is seen there.
    """
    with DELETION.only_one(pool.pk) as ours:
        if not ours:
            raise Refusal(f"{pool} is being deleted already.", "Wait for what comes of that.")
        with transaction.atomic():
            rows = VirtualAccount.objects.select_for_update(no_key=True, of=("self",)).select_related("smart_account")
            check_deletion(rows.get(pk=pool.pk))
        yield


def check_deletion(pool: VirtualAccount) -> None:
    if pool.gone_at is not None:
        raise Refusal(f"Cisco no longer lists {pool}.", "There is nothing to delete.")
    _check_active(pool.smart_account)
    removal.guard_virtual_account(pool).check(f"{pool} cannot be deleted: it is in use.")


def _check_active(account: SmartAccount) -> None:
    if account.paused_at is not None:
        raise Refusal(f"{account} is paused.", "Resume the smart account first.", "smart_account")


def _find_listed(client: CssmClient, account: SmartAccount, name: str) -> types.VirtualAccount | None:
    pages = client.virtual_accounts(clients.account_ref(account))
    return next((row for page in pages for row in page.items if row.name == name), None)


@transaction.atomic
def _keep(actor: audit.Actor, account: SmartAccount, made: types.VirtualAccount) -> VirtualAccount:
    """Cisco has just listed it, hence these mirrored columns; the next sync says the same, or has said it already."""
    mirrored = {
        "description": made.description, "is_default": made.is_default, "access_level": made.access_level,
        "gone_at": None,
    }  # fmt: skip
    pool, _ = VirtualAccount.objects.update_or_create(smart_account=account, name=made.name, defaults=mirrored)
    audit.record(actor, "created at Cisco", pool, changes={"smart_account": ["", str(account)]})
    return pool


@transaction.atomic
def _mark_gone(actor: audit.Actor, pool: VirtualAccount) -> None:
    VirtualAccount.objects.filter(pk=pool.pk, gone_at=None).update(gone_at=timezone.now())
    audit.record(actor, "deleted at Cisco", pool)
