"""The history: what was so at a moment is read as it was then, and only what changes takes a row."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.accounts.models import SmartAccount
from licensing.cisco.emulator.state import Account
from licensing.fleet import matching
from licensing.history import reading
from licensing.history.models import Interval, LicenseState, Series
from licensing.history.recording import record
from licensing.mirror.models import InstanceUsage, License, LicenseLine, ProductInstance
from licensing.operations.removal import delete_cluster
from licensing.operations.tasks import sync_smart_account
from people import audit
from tenants.models import Partner
from tests import factories as make
from tests.fixtures import ENHANCED

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
NAMES = ("CUWL", "Enhanced Plus", "Enhanced")


def everything(pools: list[int], at: datetime | None = None) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {
        "use": reading.use(pools, at),
        "supply": reading.supply(pools, at),
        "states": reading.states(pools, at),
    }
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


def make_world(account: SmartAccount) -> list[int]:
    pools = [make.make_virtual_account(smart_account=account, name=name) for name in ("one", "two")]
    clusters = [make.make_cluster(name=f"Cluster {number}") for number in range(3)]
    for pool in pools:
        for name in NAMES:
            row = make.make_license(virtual_account=pool, name=name, quantity=30)
            make.make_line(license=row, quantity=20, subscription_id=f"Sub-{name}")
        for number in range(4):
            cluster = clusters[number] if number < 3 else None
            instance = make.make_instance({NAMES[number % 3]: 3}, virtual_account=pool, cluster=cluster)
            ProductInstance.objects.filter(pk=instance.pk).update(cluster_by_hand=True)
    return [pool.pk for pool in pools]


def change_something(chance: random.Random) -> None:
    use = chance.choice(list(InstanceUsage.objects.all()))
    row = chance.choice(list(License.objects.all()))
    line = chance.choice(list(LicenseLine.objects.all()))
    instance = chance.choice(list(ProductInstance.objects.all()))
    match chance.randrange(6):
        case 0:
            InstanceUsage.objects.filter(pk=use.pk).update(quantity=chance.randrange(9))
        case 1:
            License.objects.filter(pk=row.pk).update(quantity=chance.randrange(40), in_use=chance.randrange(40))
        case 2:
            LicenseLine.objects.filter(pk=line.pk).update(quantity=chance.randrange(40))
        case 3:
            gone = None if instance.gone_at else timezone.now()
            ProductInstance.objects.filter(pk=instance.pk).update(gone_at=gone)
        case 4:
            ProductInstance.objects.filter(pk=instance.pk).update(cluster=None)
        case _:
            License.objects.filter(pk=row.pk).update(gone_at=None if row.gone_at else timezone.now())


@pytest.mark.parametrize("seed", range(3))
def test_each_moment_is_read_as_it_was(acme: Partner, seed: int) -> None:
    account = make.make_smart_account(last_synced_at=START)
    pools, chance = make_world(account), random.Random(seed)
    seen = {}
    for hour in range(12):
        moment = START + timedelta(hours=hour)
        record([account.pk], moment)
        seen[moment] = everything(pools)
        change_something(chance)

    assert all(seen[START].values())
    for moment, then in seen.items():
        assert everything(pools, moment) == then
        assert everything(pools, moment + timedelta(minutes=59)) == then
    assert not any(everything(pools, START - timedelta(seconds=1)).values())


def test_recording_again_adds_no_row(acme: Partner) -> None:
    account = make.make_smart_account(last_synced_at=START)
    make_world(account)
    record([account.pk], START)
    before = Interval.objects.count(), LicenseState.objects.count(), Series.objects.count()
    record(None, START + timedelta(hours=1))

    assert before == (Interval.objects.count(), LicenseState.objects.count(), Series.objects.count())
    assert min(before) > 0


def test_two_changes_at_one_moment_leave_the_last(acme: Partner) -> None:
    account = make.make_smart_account(last_synced_at=START)
    pools = make_world(account)
    record([account.pk], START)
    InstanceUsage.objects.update(quantity=7)
    License.objects.update(in_use=7)
    LicenseLine.objects.all().delete()
    record([account.pk], START)

    assert everything(pools, START) == everything(pools)


def test_intervals_of_one_series_do_not_overlap(acme: Partner) -> None:
    account = make.make_smart_account(last_synced_at=START)
    make_world(account)
    record([account.pk], START)
    kept = Interval.objects.first()
    assert kept is not None
    with pytest.raises(DatabaseError, match="one_quantity_at_a_time"):
        add_twin(kept)


@transaction.atomic
def add_twin(kept: Interval) -> None:
    Interval.objects.create(series=kept.series, valid=kept.valid, quantity=1)
    connection.check_constraints()


def test_statements_do_not_depend_on_rows(acme: Partner, django_assert_num_queries: Any) -> None:
    account = make.make_smart_account(last_synced_at=START)
    make_world(account)
    with django_assert_num_queries(6):  # with BEGIN and COMMIT's savepoints
        record([account.pk], START)


def test_sync_records_in_its_own_transaction(account: SmartAccount, cisco: Account) -> None:
    sync_smart_account(account.pk)
    pools = list(account.virtual_accounts.values_list("pk", flat=True))
    first = reading.recorded_from()[account.pk]
    assert everything(pools, first) == everything(pools)
    assert sum(row.quantity for row in reading.use(pools)) == 18

    cisco.set_license("DEFAULT", ENHANCED, quantity=25, inUse=7)
    before = everything(pools)
    sync_smart_account(account.pk)

    assert everything(pools, first) == before != everything(pools)
    assert everything(pools, timezone.now()) == everything(pools)


def test_matching_by_hand_and_deletion_are_recorded(acme: Partner) -> None:
    account = make.make_smart_account(last_synced_at=START)
    pool = make.make_virtual_account(smart_account=account)
    cluster = make.make_cluster(name="Core")
    instance = make.make_instance({"CUWL": 5}, virtual_account=pool)
    record([account.pk], START)
    matching.save_product_instance(audit.SYSTEM, instance, {"cluster": cluster})
    matched = timezone.now()
    delete_cluster(audit.SYSTEM, cluster)

    def clusters(at: datetime | None) -> list[tuple[int, str, int]]:
        return [(row.cluster, row.cluster_name, row.quantity) for row in reading.use([pool.pk], at)]

    assert clusters(START) == [(0, "", 5)]
    assert clusters(matched) == [(cluster_id_of(matched, pool.pk), "Core", 5)]
    assert clusters(timezone.now()) == clusters(None) == [(0, "", 5)]


def cluster_id_of(at: datetime, pool: int) -> int:
    return next(row.cluster for row in reading.use([pool], at))


def test_a_day_stands_for_its_end() -> None:
    assert reading.end_of(date(2026, 3, 2)) == datetime(2026, 3, 2, 23, 59, 59, 999999, UTC)


def test_partners_have_histories_of_their_own(acme: Partner, globex: Partner) -> None:
    with tenant_context(globex):
        theirs = make.make_smart_account(last_synced_at=START)
        make_world(theirs)
        record(None, START)
    with tenant_context(acme):
        assert Series.objects.count() == LicenseState.objects.count() == 0
        assert reading.recorded_from() == {}
