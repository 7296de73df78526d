"""HCM-F's service inventory of licenses: lines of values between pipes (docs/domain.md#X7).

One line per license and virtual account, then one line per customer, cluster and license. HCM-F adds one line per site;
the portal knows no sites and writes none.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from licensing.accounts.models import LicenseServer
from licensing.fleet import paths
from licensing.fleet.models import Cluster
from licensing.fleet.transport import Mode
from licensing.history.reading import State, Use
from licensing.mirror.models import License
from licensing.statements.content.figures import Held

POOL_COLUMNS = (
    "transport",
    "subscription",
    "expires",
    "model",
    "application",
    "version",
    "license",
    "installed",
    "required",
    "available",
    "status",
)
TRANSPORT = {Mode.DIRECT: "Direct", Mode.PROXY: "Proxy", Mode.ON_PREM: "On-Prem"}
STATUS = dict(License.Status.choices)
VERSION = re.compile(r"\((\d[\w.]*)\)\s*$")
# A name may hold what separates values or lines: a script that splits lines must not stumble over it.
UNSAFE = re.compile(r"[|\r\n\t]+")
Row = dict[str, Any]


def line(values: Iterable[Any]) -> str:
    """Return one line of the format."""
    return "|".join("" if value is None else UNSAFE.sub(" ", str(value)).strip() for value in values)


def text(pools: Iterable[Row], clusters: Iterable[Row]) -> str:
    """Return the whole inventory: the lines of the pools, then those of the clusters."""
    lines = [
        line((f"{row['virtual_account']}@{row['account']}", *(row[name] for name in POOL_COLUMNS))) for row in pools
    ]
    lines += [line((row["customer"], row["cluster"], row["license"], row["used"])) for row in clusters]
    return "".join(f"{one}\n" for one in lines)


def rows_of_pools(held: Held, customer: int | None = None) -> list[Row]:
    """Return a row per license and virtual account. With a customer: its own quantities there, and none of others."""
    books = _Books(held, customer)
    if customer is None:
        return [
            books.row(state.virtual_account, state.license_name, _figures(state)) for state in held.books.facts.states
        ]
    return [
        books.row(pool, name, (owned, used, owned - used))
        for (pool, name), (owned, used) in books.of_customer().items()
    ]


def rows_of_clusters(use: Iterable[Use]) -> list[Row]:
    """Return a row per customer, cluster and license, summed over the virtual accounts."""
    found: dict[tuple[str, str, str], int] = defaultdict(int)
    for row in use:
        found[row.customer_name, row.cluster_name, row.license_name] += row.quantity
    names = ("customer", "cluster", "license")
    return [{**dict(zip(names, key, strict=True)), "used": used} for key, used in sorted(found.items())]


def _figures(state: State) -> tuple[int, int, int]:
    return state.quantity, state.in_use, state.available


class _Books:
    """What the lines of pools are looked up in, read once."""

    def __init__(self, held: Held, customer: int | None) -> None:
        self.held, self.customer = held, customer
        uses = held.use[customer] if customer is not None else [row for rows in held.use.values() for row in rows]
        supplies = (
            held.supply[customer] if customer is not None else [row for rows in held.supply.values() for row in rows]
        )
        self.clusters = _clusters({row.cluster for row in uses})
        self.use: dict[tuple[int, str], list[Use]] = defaultdict(list)
        for row in uses:
            self.use[row.virtual_account, row.license_name].append(row)
        self.supply: dict[tuple[int, str], dict[str, int]] = defaultdict(dict)
        for part in supplies:
            by_id = self.supply[part.virtual_account, part.license_name]
            by_id[part.subscription_id] = by_id.get(part.subscription_id, 0) + part.quantity

    def of_customer(self) -> dict[tuple[int, str], tuple[int, int]]:
        keys = sorted({*self.use, *self.supply}, key=lambda key: (self.held.books.facts.pools[key[0]].name, key[1]))
        return {key: (sum(self.supply[key].values()), sum(row.quantity for row in self.use[key])) for key in keys}

    def row(self, pool_id: int, name: str, figures: tuple[int, int, int]) -> Row:
        pool, key = self.held.books.facts.pools[pool_id], (pool_id, name)
        account = pool.smart_account
        ids = sorted(one for one in self.supply[key] if one)
        known = [found for one in ids if (found := self.held.subscriptions.get((account.pk, one)))]
        clusters = [self.clusters[row.cluster] for row in self.use[key] if row.cluster in self.clusters]
        version, state = VERSION.search(name), self.held.states.get(key)
        installed, required, available = figures
        return {
            "virtual_account": pool.name,
            "account": account.domain,
            "transport": _transport(account.license_server, clusters),
            "subscription": _joined(ids),
            "expires": _joined(end.isoformat() for one in ids if (end := self.held.ends.get((account.pk, one, name)))),
            "model": _joined(row.get_license_model_display() for row in known if row.license_model),
            "application": _joined(cluster.get_application_display() for cluster in clusters),
            "version": version[1] if version else _joined(cluster.version for cluster in clusters),
            "license": name,
            "installed": installed,
            "required": required,
            "available": available,
            "status": STATUS.get(state.status, "") if state else "",
        }


def _clusters(ids: set[int]) -> dict[int, Cluster]:
    return {row.pk: row for row in paths.with_transport(Cluster.objects.filter(pk__in=ids - {0}))}


def _transport(server: LicenseServer, clusters: Sequence[Cluster]) -> str:
    if server.kind == LicenseServer.Kind.ON_PREM:
        return TRANSPORT[Mode.ON_PREM]
    return _joined(TRANSPORT[paths.transport_of(cluster).mode] for cluster in clusters)


def _joined(values: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(value for value in values if value))


def of_partner(held: Held) -> str:
    """Return the inventory of the whole partner, as it was at the moment that `held` was read for."""
    use = [row for rows in held.use.values() for row in rows if row.cluster]
    return text(rows_of_pools(held), rows_of_clusters(use))
