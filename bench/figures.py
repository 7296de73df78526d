"""Figures: what a position costs beside the SQL that reads its rows, at a past date, and how the history grows.

One partner: 1,000 customers, 2,000 clusters, 10,000 product instances, 40 virtual accounts, and three years of history
in which each figure changes once a month.
"""

import random
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from bench.partner import enter_partner, make_partner
from bench.results import Figure

CUSTOMERS, CLUSTERS, INSTANCES, POOLS = 1_000, 2_000, 10_000, 40
YEARS, CHANGES_A_YEAR = 3, 12
ROUNDS = 9


def measure() -> list[Figure]:
    make_partner()
    enter_partner()
    fill()
    from django.db import connection  # noqa: PLC0415 - Django must be set up before models are imported
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415 - the same
    from django.utils import timezone  # noqa: PLC0415 - the same

    from licensing.figures.positions import open_books  # noqa: PLC0415 - the same
    from licensing.fleet.models import Customer  # noqa: PLC0415 - the same

    customer = Customer.objects.order_by("id")[CUSTOMERS // 2].pk
    past = timezone.now() - timedelta(days=400)
    with CaptureQueriesContext(connection) as queries:
        open_books(customer=customer).of_customer(customer)
    statements = [query["sql"] for query in queries.captured_queries]

    def read_bare() -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement.replace("%", "%%"))
                cursor.fetchall()

    bare, today, then = medians(
        read_bare,
        lambda: open_books(customer=customer).of_customer(customer),
        lambda: open_books(past, customer=customer).of_customer(customer),
    )
    size = history_bytes()
    issued, seconds = issue_statements()
    return [
        Figure("position of one customer / SQL", today / bare, 3, note=f"{today * 1000:.0f} and {bare * 1000:.0f} ms"),
        Figure("position at a past date / today's", then / today, 2, note=f"{then * 1000:.0f} ms"),
        Figure(
            "history, a year",
            size / YEARS / 2**20,
            60,
            unit="MB",
            note=f"{rows_of_history():,} rows in {YEARS} years, {size / 2**20:.0f} MB with indexes",
        ),
        Figure(
            "statements (PDF) of a batch",
            issued / seconds,
            5,
            unit="/s",
            at_least=True,
            note=f"{issued:,} for last month in {seconds:.0f} s",
        ),
    ]


def issue_statements() -> tuple[int, float]:
    """Issue last month's statements of all customers as a batch does. Returns how many, and the seconds it took."""
    from django.utils import timezone  # noqa: PLC0415 - the same

    from licensing.statements import batches  # noqa: PLC0415 - the same
    from licensing.statements.models import Statement, last_month  # noqa: PLC0415 - the same
    from people import audit  # noqa: PLC0415 - the same

    before = Statement.objects.count()
    batch = batches.create(audit.SYSTEM, *last_month(timezone.now().date()))
    began = time.perf_counter()
    batches.run(batch.pk)
    return Statement.objects.count() - before, time.perf_counter() - began


def medians(*works: Callable[[], object]) -> list[float]:
    """Return the median time of each, taken in turns."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS):
        for place, work in enumerate(works):
            began = time.perf_counter()
            work()
            times[place].append(time.perf_counter() - began)
    return [sorted(taken)[ROUNDS // 2] for taken in times]


def fill() -> None:
    """Make the partner's rows, and a past in which each figure changes once a month."""
    from django.db import connection  # noqa: PLC0415 - the same
    from django.utils import timezone  # noqa: PLC0415 - the same

    from bench.mirror import empty  # noqa: PLC0415 - the same
    from licensing.accounts.models import LicenseServer, SmartAccount  # noqa: PLC0415 - the same
    from licensing.fleet.models import Cluster, Customer  # noqa: PLC0415 - the same
    from licensing.history.recording import record  # noqa: PLC0415 - the same
    from licensing.mirror import models  # noqa: PLC0415 - the same

    empty()
    chance, now = random.Random(1), timezone.now()
    server = LicenseServer.objects.create(name="Cloud", kind="cloud", api_base_url="https://cssm.example/api")
    account = SmartAccount.objects.create(license_server=server, domain="figures.example", last_synced_at=now)
    pools = models.VirtualAccount.objects.bulk_create(
        models.VirtualAccount(
            smart_account=account,
            name=f"Pool {number:02}",
            purpose={0: "ordered", 1: "operational"}.get(number, "general"),
        )
        for number in range(POOLS)
    )
    customers = Customer.objects.bulk_create(Customer(name=f"Customer {number:04}") for number in range(CUSTOMERS))
    clusters = Cluster.objects.bulk_create(
        Cluster(customer=customers[number % CUSTOMERS], name=f"Cluster {number:04}") for number in range(CLUSTERS)
    )
    models.Subscription.objects.bulk_create(
        models.Subscription(smart_account=account, subscription_id=f"Sub{row.pk}", customer=row) for row in customers
    )
    names = license_names()
    licenses = models.License.objects.bulk_create(
        models.License(virtual_account=pool, name=name, quantity=3_000, in_use=1_500, available=1_500)
        for pool in pools
        for name in names
    )
    models.LicenseLine.objects.bulk_create(
        models.LicenseLine(license=row, position=place, quantity=4, subscription_id=f"Sub{customer.pk}", type="TERM")
        for row in licenses
        for place, customer in enumerate(chance.sample(customers, 25))
    )
    by_pool: dict[int, list[Any]] = {}
    for row in licenses:
        by_pool.setdefault(row.virtual_account_id, []).append(row)
    instances = models.ProductInstance.objects.bulk_create(
        models.ProductInstance(
            virtual_account=pools[1 + number % CLUSTERS % (POOLS - 1)],
            identity=f"instance {number}",
            host_name=f"cucm-{number}.figures.example",
            cluster=clusters[number % CLUSTERS] if number % 20 else None,
        )
        for number in range(INSTANCES)
    )
    models.InstanceUsage.objects.bulk_create(
        [
            models.InstanceUsage(
                product_instance=row, license=license_, license_name=license_.name, quantity=chance.randrange(1, 90)
            )
            for row in instances
            for license_ in by_pool[row.virtual_account_id][(row.cluster_id or 0) % 7 :][:2]
        ],
        batch_size=5_000,
    )
    begin = now - timedelta(days=365 * YEARS)
    record([account.pk], begin)
    with connection.cursor() as cursor:
        for statement in PAST:
            cursor.execute(statement, {"begin": begin, "now": now, "months": YEARS * CHANGES_A_YEAR})
        cursor.execute("ANALYZE")


def license_names() -> list[str]:
    from licensing.allocation.license_names import NAMES  # noqa: PLC0415 - the same

    return [names[0] for names in NAMES.values() if names][:8]


# Each open interval becomes one for each month, the last of them open.
MONTHS = """
    SELECT row.*, month, %(begin)s + (%(now)s::timestamptz - %(begin)s) * month / %(months)s AS since,
        CASE WHEN month < %(months)s - 1
            THEN %(begin)s + (%(now)s::timestamptz - %(begin)s) * (month + 1) / %(months)s END AS until
    FROM {table} row CROSS JOIN generate_series(1, %(months)s - 1) month
"""
FIRST_ENDS = """
    UPDATE {table} SET valid = tstzrange(lower(valid), %(begin)s + (%(now)s::timestamptz - %(begin)s) / %(months)s)
"""
PAST = (
    FIRST_ENDS.format(table="history_interval"),
    FIRST_ENDS.format(table="history_licensestate"),
    f"""INSERT INTO history_interval (series_id, valid, quantity)
        SELECT series_id, tstzrange(since, until), quantity + month %% 5
        FROM ({MONTHS.format(table="history_interval")}) m""",
    f"""INSERT INTO history_licensestate
            (license_id, valid, quantity, in_use, available, reserved, status, substitutions)
        SELECT license_id, tstzrange(since, until), quantity, in_use + month %% 5, available - month %% 5, reserved,
            status, substitutions
        FROM ({MONTHS.format(table="history_licensestate")}) m""",
)
TABLES = ("history_series", "history_interval", "history_licensestate")


def history_bytes() -> int:
    from django.db import connection  # noqa: PLC0415 - the same

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {' + '.join(f'''pg_total_relation_size('{table}')''' for table in TABLES)}")
        return int(cursor.fetchone()[0])


def rows_of_history() -> int:
    from licensing.history.models import Interval, LicenseState  # noqa: PLC0415 - the same

    return Interval.objects.count() + LicenseState.objects.count()
