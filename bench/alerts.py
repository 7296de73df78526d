"""Alerts: what one evaluation costs, how it grows, and whether a thousand partners fit on the schedule."""

import random
import time
from collections.abc import Callable
from datetime import timedelta

from bench.partner import enter_partner, make_partner
from bench.results import Figure

SMALL, LARGE = 1_000, 10_000
PARTNERS, EVERY_SECONDS = 1_000, 15 * 60
PER_POOL, LICENSES_PER_POOL, SAMPLE_DAYS = 100, 8, 90
ROUNDS = 7


def measure() -> list[Figure]:
    """Each instance uses licenses; one in twenty is silent, one license in ten is short, and terms end soon."""
    make_partner()
    enter_partner()
    from licensing.accounts.models import SmartAccount  # noqa: PLC0415 - the same
    from licensing.alerts.evaluation import evaluate  # noqa: PLC0415 - Django must be set up before models are imported

    seconds, of_account, found = {}, {}, {}
    for instances in (SMALL, LARGE):
        fill(instances)
        first = timed(evaluate)
        found[instances] = evaluate().open
        seconds[instances] = median(evaluate)
        account = SmartAccount.objects.earliest("id").pk
        of_account[instances] = median(lambda account=account: evaluate(smart_account_id=account))
    whole = seconds[LARGE] * PARTNERS
    return [
        Figure(
            "growth from 1,000 to 10,000 instances",
            seconds[LARGE] / seconds[SMALL],
            10,
            note=f"{seconds[SMALL] * 1000:.0f} ms and {seconds[LARGE] * 1000:.0f} ms, {found[LARGE]} open alerts",
        ),
        Figure(
            "1,000 partners × 10,000 instances, of a schedule of 15 minutes",
            whole / EVERY_SECONDS,
            1,
            note=f"{whole:.0f} s one after the other",
        ),
        Figure(
            "after the sync of one account, of a whole evaluation",
            of_account[LARGE] / seconds[LARGE],
            1,
            note=f"{of_account[LARGE] * 1000:.0f} ms",
        ),
        Figure("opening all of it, of finding it again", first / seconds[LARGE], 20, note=f"{first * 1000:.0f} ms"),
    ]


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def median(work: Callable[[], object]) -> float:
    return sorted(timed(work) for _ in range(ROUNDS))[ROUNDS // 2]


def fill(instances: int) -> None:
    """Ten smart accounts of as many pools as it takes, with history."""
    from django.db import connection  # noqa: PLC0415 - the same
    from django.utils import timezone  # noqa: PLC0415 - the same

    from bench.mirror import empty  # noqa: PLC0415 - the same
    from licensing.accounts.models import LicenseServer, SmartAccount  # noqa: PLC0415 - the same
    from licensing.mirror.models import (  # noqa: PLC0415 - the same
        InstanceUsage,
        License,
        LicenseLine,
        ProductInstance,
        VirtualAccount,
    )

    dice, now = random.Random(instances), timezone.now()
    empty()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE alerts_alert CASCADE")
    server = LicenseServer.objects.create(name="Bench")
    accounts = SmartAccount.objects.bulk_create(
        SmartAccount(license_server=server, domain=f"bench{number}.example", last_synced_at=now) for number in range(10)
    )
    pools = VirtualAccount.objects.bulk_create(
        VirtualAccount(smart_account=accounts[number % 10], name=f"Pool {number}")
        for number in range(instances // PER_POOL)
    )
    licenses = License.objects.bulk_create(
        _license(License, pool, number, dice) for pool in pools for number in range(LICENSES_PER_POOL)
    )
    LicenseLine.objects.bulk_create(
        LicenseLine(
            license=row,
            position=place,
            quantity=50,
            status="ACTIVE",
            end=now.date() + timedelta(days=dice.randrange(-20, 720)),
        )
        for row in licenses
        for place in range(2)
    )
    rows = ProductInstance.objects.bulk_create(
        ProductInstance(
            virtual_account=pools[number // PER_POOL],
            identity=str(number),
            host_name=f"host-{number}",
            last_contact_at=now - timedelta(days=60 if number % 20 == 0 else 1),
        )
        for number in range(instances)
    )
    InstanceUsage.objects.bulk_create(
        (InstanceUsage(product_instance=row, license_name="A", quantity=1) for row in rows), batch_size=5_000
    )
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO mirror_usagesample (license_id, day, quantity, in_use, available, reserved)
            SELECT id, current_date - back, quantity, greatest(in_use - back / 3, 0), 0, 0
            FROM mirror_license, generate_series(0, %s) back""",
            [SAMPLE_DAYS - 1],
        )
        cursor.execute("ANALYZE")


def _license(model: type, pool: object, number: int, dice: random.Random) -> object:
    in_use = dice.randrange(0, 100)
    short = dice.random() < 0.1
    return model(
        virtual_account=pool,
        name=f"License {number}",
        quantity=100,
        in_use=105 if short else in_use,
        available=-5 if short else 100 - in_use,
        status="out_of_compliance" if short else "in_compliance",
    )
