"""What is done at Cisco while somebody waits for it: the errands' Celery tasks, and what starts them."""

from collections.abc import Callable
from typing import Any

from celery import shared_task

from kit.broker import BrokerUnavailable, send
from kit.refusals import Refusal
from licensing.accounts.models import SmartAccount
from licensing.cisco.errors import CssmError
from licensing.mirror import tokens
from licensing.mirror.models import ProductInstance, RegistrationToken, VirtualAccount
from licensing.operations import product_instances, requests, syncing, virtual_accounts
from people.audit import Actor
from people.models import User


@shared_task
def create_registration_token(key: str, virtual_account_id: int, description: str, expires_after_days: int) -> None:
    """For the errand `key`. A message that comes twice finds the errand over: no second token."""
    pool = VirtualAccount.objects.select_related("smart_account__license_server").get(pk=virtual_account_id)
    _run_errand(key, lambda actor: tokens.create(actor, pool, description, expires_after_days)[0])


@shared_task
def revoke_registration_token(key: str, token_id: int) -> None:
    rows = RegistrationToken.objects.select_related("virtual_account__smart_account__license_server")
    token = rows.get(pk=token_id)
    _run_errand(key, lambda actor: tokens.revoke(actor, token))


@shared_task
def remove_product_instance(key: str, instance_id: int, return_code: str) -> None:
    """For the errand `key`, as all that writes at Cisco: a message that comes twice finds it over."""
    instance = _instance(instance_id)
    _run_errand(key, lambda actor: product_instances.remove(actor, instance, return_code))
    _sync_after(instance)


@shared_task
def replace_product_instance(key: str, instance_id: int, successor_id: int, return_code: str) -> None:
    instance, successor = _instance(instance_id), _instance(successor_id)
    _run_errand(key, lambda actor: product_instances.replace(actor, instance, successor, return_code))
    _sync_after(instance)


@shared_task
def transfer_product_instance(key: str, instance_id: int, target_id: int) -> None:
    instance = _instance(instance_id)
    target = VirtualAccount.objects.get(pk=target_id)
    _run_errand(key, lambda actor: product_instances.transfer(actor, instance, target))
    _sync_after(instance)


@shared_task
def create_virtual_account(key: str, smart_account_id: int, name: str, description: str) -> None:
    account = SmartAccount.objects.select_related("license_server").get(pk=smart_account_id)
    _run_errand(key, lambda actor: virtual_accounts.create(actor, account, name, description))


@shared_task
def delete_virtual_account(key: str, virtual_account_id: int) -> None:
    pool = VirtualAccount.objects.select_related("smart_account__license_server").get(pk=virtual_account_id)
    _run_errand(key, lambda actor: virtual_accounts.delete(actor, pool))


def start_token_creation(user: User, virtual_account: VirtualAccount, description: str, days: int) -> str:
    """The key of the errand. Raises Refusal and BrokerUnavailable."""
    tokens.check_creation(virtual_account, days)
    errand = requests.begin(user.pk, "create")
    send(create_registration_token, errand.key, virtual_account.pk, description, days)
    return errand.key


def start_token_revocation(user: User, token: RegistrationToken) -> str:
    """The key of the errand. Raises BrokerUnavailable."""
    errand = requests.begin(user.pk, "revoke")
    send(revoke_registration_token, errand.key, token.pk)
    return errand.key


def start_instance_removal(user: User, instance: ProductInstance, return_code: str) -> str:
    """The key of the errand. Raises Refusal and BrokerUnavailable."""
    product_instances.check_removal(instance, return_code)
    errand = requests.begin(user.pk, "remove")
    send(remove_product_instance, errand.key, instance.pk, return_code)
    return errand.key


def start_instance_replacement(
    user: User, instance: ProductInstance, successor: ProductInstance, return_code: str
) -> str:
    """The key of the errand. Raises Refusal and BrokerUnavailable."""
    product_instances.check_replacement(instance, successor, return_code)
    errand = requests.begin(user.pk, "replace")
    send(replace_product_instance, errand.key, instance.pk, successor.pk, return_code)
    return errand.key


def start_instance_transfer(user: User, instance: ProductInstance, target: VirtualAccount) -> str:
    """The key of the errand. Raises Refusal and BrokerUnavailable."""
    product_instances.check_transfer(instance, target)
    errand = requests.begin(user.pk, "transfer")
    send(transfer_product_instance, errand.key, instance.pk, target.pk)
    return errand.key


def start_virtual_account_creation(user: User, account: SmartAccount, name: str, description: str) -> str:
    """The key of the errand. Raises Refusal and BrokerUnavailable."""
    name = virtual_accounts.check_creation(account, name)
    errand = requests.begin(user.pk, "create_virtual_account")
    send(create_virtual_account, errand.key, account.pk, name, description)
    return errand.key


def start_virtual_account_deletion(user: User, pool: VirtualAccount) -> str:
    """The key of the errand. Raises Refusal and BrokerUnavailable."""
    virtual_accounts.check_deletion(pool)
    errand = requests.begin(user.pk, "delete_virtual_account")
    send(delete_virtual_account, errand.key, pool.pk)
    return errand.key


def _instance(number: int) -> ProductInstance:
    rows = ProductInstance.objects.select_related("virtual_account__smart_account__license_server")
    return rows.get(pk=number)  # type: ignore[no-any-return]


def _sync_after(instance: ProductInstance) -> None:
    """Whatever came of a write, the mirror shows it soon. That the broker is away now takes nothing back."""
    try:
        syncing.start_sync(instance.virtual_account.smart_account, "portal")
    except (Refusal, BrokerUnavailable):
        return


def _run_errand(key: str, act: Callable[[Actor], Any]) -> None:
    """Do it in the name of who asked, and leave the answer for the page that waits."""
    errand = requests.start(key)
    if errand is None:
        return
    user = User.objects.get(pk=errand.user_id)
    try:
        row = act(Actor(user, user.email))
    except (CssmError, Refusal) as error:
        requests.failed(key, error.message, error.next_step)
    except Exception:
        requests.failed(key, "An error of the portal stopped this.", requests.LOOK_FIRST)
        raise
    else:
        requests.done(key, row.pk if row else 0)
