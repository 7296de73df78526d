"""Check and describe what rules and channels are narrowed to; findings.catalogue decides what is in scope."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Model, Q

from kit.forms.scope_fields import Scope
from kit.refusals import Refusal
from licensing.accounts.models import SmartAccount
from licensing.alerts.models import Scoped
from licensing.fleet.models import Customer
from licensing.mirror.models import VirtualAccount

MOST = 200
ROWS: dict[str, type[Model]] = {
    "smart_accounts": SmartAccount, "virtual_accounts": VirtualAccount, "customers": Customer
}  # fmt: skip


def _choose_pools(chosen: list[int]) -> Any:
    """Offer virtual accounts that Cisco lists, and chosen ones that it no longer lists: saving must not drop them."""
    return VirtualAccount.objects.filter(Q(gone_at=None) | Q(pk__in=chosen)).select_related("smart_account")


def _describe_pool(row: VirtualAccount) -> str:
    return f"{row.name} · {row.smart_account}{' (gone)' if row.gone_at else ''}"


# What the forms of rules and channels offer.
CHOICES = {
    "smart_accounts": Scope("Only these smart accounts", rows=lambda _: SmartAccount.objects.all()),
    "virtual_accounts": Scope("Only these virtual accounts", rows=_choose_pools, describe=_describe_pool),
    "licenses": Scope("Only these licenses", "One name a line, as Cisco writes it. None: all."),
    "customers": Scope("Only these customers", rows=lambda _: Customer.objects.all()),
    "tags": Scope("Only customers with these tags", "One a line. None: all."),
}


def fit(row: Scoped, before: dict[str, Any] | None, has: Iterable[str], what: str) -> None:
    """Each once. `has`: the scopes that mean something for `what`. An id that was chosen before may be gone by now."""
    for name in Scoped.SCOPES:
        chosen = list(dict.fromkeys(getattr(row, name)))
        setattr(row, name, chosen)
        if chosen and name not in has:
            fitting = ", ".join(map(_words, has)) or "none: it watches all"
            raise Refusal(f"{what} cannot be narrowed to {_words(name)}.", f"Scopes it has: {fitting}.", name)
        if len(chosen) > MOST:
            raise Refusal("The scope is too long.", f"Choose at most {MOST}, or none for all.", name)
        if name in ROWS and (unknown := _unknown(name, set(chosen) - set(before[name] if before else []))):
            raise Refusal(f"There is no {_words(name)[:-1]} {unknown}.", "Choose one of those that there are.", name)


def counted(row: Scoped) -> str:
    """ "2 smart accounts, 1 license", "" where nothing is left out."""
    parts = [(len(getattr(row, name)), _words(name)) for name in Scoped.SCOPES]
    return ", ".join(f"{number} {words[:-1] if number == 1 else words}" for number, words in parts if number)


def named(row: Scoped) -> list[tuple[str, str]]:
    """("Virtual accounts", "A, B") for each scope that leaves something out. A query for each that names rows."""
    return [(_words(name).capitalize(), ", ".join(_names(name, getattr(row, name)))) for name in Scoped.SCOPES
            if getattr(row, name)]  # fmt: skip


def _names(name: str, chosen: list[Any]) -> list[str]:
    if name not in ROWS:
        return list(chosen)
    found = [str(row) for row in _rows(name, chosen)]
    gone = len(chosen) - len(found)
    return [*sorted(found), *([f"{gone} that {'is' if gone == 1 else 'are'} gone"] if gone else [])]


def _rows(name: str, ids: Iterable[int]) -> Any:
    return ROWS[name]._default_manager.filter(pk__in=ids)


def _unknown(name: str, ids: set[int]) -> int | None:
    missing = ids - set(_rows(name, ids).values_list("pk", flat=True)) if ids else set()
    return min(missing, default=None)


def _words(name: str) -> str:
    return name.replace("_", " ")
