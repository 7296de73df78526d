"""Sync through the emulator over HTTP into PostgreSQL: what the mirror and the history are afterwards."""

import hashlib
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_tenants.utils import tenant_context

from licensing.accounts.models import SmartAccount
from licensing.cisco.emulator.server import EmulatorThread
from licensing.cisco.emulator.state import Account
from licensing.mirror.models import (
    Change,
    InstanceUsage,
    License,
    LicenseLine,
    ProductInstance,
    RegistrationToken,
    SyncRun,
    UsageSample,
    VirtualAccount,
)
from licensing.mirror.sync import runs
from licensing.operations import syncing
from tenants.models import Partner
from tests.factories import make_cluster, make_token
from tests.fixtures import BASIC, ENHANCED, account_of
from tests.mirror_rows import linked_wrongly, listed, mirrored


def synced(account: SmartAccount) -> SyncRun:
    run, created = runs.request(account, "test")
    assert created
    return syncing.run_sync(run)


def counted(account: SmartAccount) -> dict[str, int]:
    run = synced(account)
    assert (run.status, run.cause) == ("succeeded", "")
    return {name: number for name, number in run.counts.items() if number}


def changes(**filters: object) -> list[tuple[str, str, str, dict[str, object]]]:
    rows = Change.objects.filter(**filters).order_by("object_type", "label")
    return list(rows.values_list("kind", "object_type", "label", "values"))


def test_first_sync_mirrors_everything(account: SmartAccount, cisco: Account) -> None:
    before = datetime.now(UTC)

    counts = counted(account)

    account.refresh_from_db()
    assert counts == {"created": 9}
    assert mirrored(account) == listed(cisco)
    assert linked_wrongly(account) == 0
    assert before <= account.last_synced_at <= datetime.now(UTC)
    assert Change.objects.filter(kind="created").count() == Change.objects.count() == 9


def test_sync_keeps_lines_in_the_order_of_their_content(account: SmartAccount, cisco: Account) -> None:
    counted(account)
    cisco.license("DEFAULT", ENHANCED)["licenseDetails"].reverse()

    assert counted(account) == {"unchanged": 9}
    assert list(LicenseLine.objects.order_by("position").values_list("type", "end")) == [
        ("PERPETUAL", None),
        ("TERM", datetime(2027, 1, 1, tzinfo=UTC).date()),
    ]


def test_usage_of_a_license_that_cisco_does_not_list_has_no_license(account: SmartAccount, cisco: Account) -> None:
    counted(account)

    usage = InstanceUsage.objects.filter(license=None)
    assert list(usage.values_list("license_name", "quantity")) == [("Not listed License", 2)]


def test_usage_is_linked_when_its_license_is_listed_later_and_spelled_otherwise(
    account: SmartAccount, cisco: Account
) -> None:
    counted(account)
    cisco.set_license("R&D / Lab", "Not Listed  license", quantity=2)

    assert counted(account) == {"created": 1, "unchanged": 9}
    assert InstanceUsage.objects.get(license_name="Not listed License").license.name == "Not Listed  license"


def versions() -> list[tuple[str, int]]:
    """The transaction that wrote each mirrored row, and the parts'."""
    tables = ("virtualaccount", "license", "licenseline", "productinstance", "instanceusage", "registrationtoken")
    with connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(f"SELECT '{name}', id, xmin::text, ctid::text FROM mirror_{name}" for name in tables)
        )
        return sorted(cursor.fetchall())


def test_sync_without_change_writes_no_mirrored_row(account: SmartAccount, cisco: Account) -> None:
    counted(account)
    before = versions()

    with CaptureQueriesContext(connection) as queries:
        counts = counted(account)

    writes = [
        query["sql"].split()[:3]
        for query in queries
        if query["sql"].lstrip().startswith(("INSERT", "UPDATE", "DELETE"))
    ]
    assert counts == {"unchanged": 9}
    assert versions() == before
    assert Change.objects.filter(sync_run=SyncRun.objects.first()).count() == 0
    assert sorted({statement[1 if statement[0] == "UPDATE" else 2].strip('"') for statement in writes}) == [
        "accounts_smartaccount",
        "mirror_syncrun",
        "tenants_scheduledjob",  # the job that looks after the run while a worker is at it
    ]


def test_sync_records_old_and_new_values_of_what_changed(account: SmartAccount, cisco: Account) -> None:
    counted(account)
    cisco.set_license("DEFAULT", BASIC, quantity=10, inUse=9)
    cisco.devices[1]["hostName"] = "cucm-2.harbor.example"
    cisco.devices[1]["licenseUsage"][0]["quantity"] = 5
    cisco.virtual_accounts[1]["description"] = "Tests"

    assert counted(account) == {"changed": 3, "unchanged": 6}
    assert mirrored(account) == listed(cisco)
    assert changes(kind="changed") == [
        (
            "changed",
            "license",
            f"{BASIC} in DEFAULT",
            {"quantity": [5, 10], "available": [-4, 1], "status": ["out_of_compliance", "in_compliance"]},
        ),
        (
            "changed",
            "product_instance",
            "cucm-2.harbor.example in DEFAULT",
            {"host_name": ["", "cucm-2.harbor.example"], "usage": [{ENHANCED: 4}, {ENHANCED: 5}]},
        ),
        ("changed", "virtual_account", "R&D / Lab", {"description": ["", "Tests"]}),
    ]


def test_changed_lines_are_a_change_of_their_license(account: SmartAccount, cisco: Account) -> None:
    counted(account)
    line = cisco.license("R&D / Lab", ENHANCED)["licenseDetails"]
    line.append({"licenseType": "DEMO", "quantity": 1, "startDate": None, "endDate": "2026-12-31T10:00:00Z"})

    assert counted(account) == {"changed": 1, "unchanged": 8}
    expected = {
        "type": "DEMO",
        "quantity": 1,
        "start": None,
        "end": "2026-12-31",
        "subscription_id": "",
        "status": "",
        "order_number": "",
        "sku": "",
    }
    assert changes(kind="changed") == [("changed", "license", f"{ENHANCED} in R&D / Lab", {"lines": [[], [expected]]})]


def test_a_new_contact_alone_is_written_and_is_no_change(account: SmartAccount, cisco: Account) -> None:
    counted(account)
    cisco.devices[0]["lastContactDate"] = "2026-11-20T08:00:00Z"

    assert counted(account) == {"unchanged": 9}
    assert ProductInstance.objects.get(serial="00001").last_contact_at == datetime(2026, 11, 20, 8, tzinfo=UTC)
    assert changes(kind="changed") == []


def test_sync_marks_what_is_listed_no_more_as_gone_and_keeps_it(account: SmartAccount, cisco: Account) -> None:
    counted(account)
    gone = cisco.devices.pop(0)
    cisco.licenses.pop(1)
    cisco.tokens.clear()

    assert counted(account) == {"gone": 3, "unchanged": 6}
    assert mirrored(account) == listed(cisco)
    row = ProductInstance.objects.get(serial=gone["sudi"]["udiSerialNumber"])
    assert row.gone_at == SyncRun.objects.first().changes.first().at
    assert [kind for kind, *_ in changes(kind="gone")] == ["gone", "gone", "gone"]


def test_what_is_listed_again_is_back_with_its_own_columns(account: SmartAccount, cisco: Account) -> None:
    counted(account)
    cluster = make_cluster()
    ProductInstance.objects.filter(serial="00001").update(cluster=cluster, cluster_by_hand=True, note="keep me")
    device = cisco.devices.pop(0)
    counted(account)
    cisco.devices.append({**device, "status": "Out Of Compliance"})

    assert counted(account) == {"back": 1, "unchanged": 8}
    row = ProductInstance.objects.get(serial="00001")
    assert (row.gone_at, row.cluster, row.note) == (None, cluster, "keep me")
    assert changes(kind="back") == [
        (
            "back",
            "product_instance",
            "cucm-1.harbor.example in DEFAULT",
            {"status": ["In Compliance", "Out Of Compliance"]},
        )
    ]


def test_instance_that_moves_to_another_pool_keeps_its_row(account: SmartAccount, cisco: Account) -> None:
    counted(account)
    row = ProductInstance.objects.get(serial="00002")
    ProductInstance.objects.filter(pk=row.pk).update(note="keep me")
    cisco.devices[1]["virtualAccount"] = "R&D / Lab"

    assert counted(account) == {"changed": 1, "unchanged": 8}
    moved = ProductInstance.objects.get(serial="00002")
    assert (moved.pk, moved.virtual_account.name, moved.note) == (row.pk, "R&D / Lab", "keep me")
    assert linked_wrongly(account) == 0
    assert changes(kind="changed") == [
        (
            "changed",
            "product_instance",
            "UDI_PID:UCM; UDI_SN:00002 in R&D / Lab",
            {"virtual_account": ["DEFAULT", "R&D / Lab"]},
        )
    ]


def test_gone_instance_that_returns_in_another_pool_keeps_its_row(account: SmartAccount, cisco: Account) -> None:
    counted(account)
    row = ProductInstance.objects.get(serial="00002")
    device = cisco.devices.pop(1)
    counted(account)
    cisco.devices.append({**device, "virtualAccount": "R&D / Lab"})

    assert counted(account) == {"back": 1, "unchanged": 8}
    assert ProductInstance.objects.get(serial="00002").pk == row.pk
    assert mirrored(account) == listed(cisco)


def test_what_is_in_two_pools_at_once_is_two_rows(account: SmartAccount, cisco: Account) -> None:
    counted(account)
    cisco.devices.append({**cisco.devices[1], "virtualAccount": "R&D / Lab"})

    assert counted(account) == {"created": 1, "unchanged": 9}
    assert mirrored(account) == listed(cisco)


def test_pool_that_is_only_named_by_its_rows_is_mirrored(account: SmartAccount, cisco: Account) -> None:
    cisco.set_license("Hidden", ENHANCED, quantity=3)

    assert counted(account) == {"created": 11}
    assert VirtualAccount.objects.get(name="Hidden").licenses.get().quantity == 3


def test_purpose_and_mode_of_a_pool_survive_gone_and_back(account: SmartAccount, cisco: Account) -> None:
    counted(account)
    VirtualAccount.objects.filter(name="R&D / Lab").update(purpose="operational", license_mode="hcs", note="ours")
    pool = cisco.virtual_accounts.pop(1)
    kept = cisco.licenses.pop(), cisco.devices.pop()
    counted(account)
    cisco.virtual_accounts.append(pool)
    cisco.licenses.append(kept[0])
    cisco.devices.append(kept[1])

    assert counted(account) == {"back": 4, "unchanged": 5}
    row = VirtualAccount.objects.get(name="R&D / Lab")
    assert (row.gone_at, row.purpose, row.license_mode, row.note) == (None, "operational", "hcs", "ours")


def test_token_made_here_keeps_its_text(account: SmartAccount, cisco: Account) -> None:
    counted(account)
    text = cisco.add_token("DEFAULT", "made here", 5)["token"]
    pool = VirtualAccount.objects.get(name="DEFAULT")
    made = make_token(virtual_account=pool, digest=hashlib.sha256(text.encode()).hexdigest(), text=text, made_here=True)
    RegistrationToken.objects.filter(pk=made.pk).update(created_at=datetime.now(UTC) - timedelta(hours=1))

    assert counted(account) == {"changed": 1, "unchanged": 9}
    made.refresh_from_db()
    assert (made.text.reveal(), made.made_here, made.description, made.gone_at) == (text, True, "made here", None)


def test_token_made_while_the_listings_were_read_is_not_marked_gone(account: SmartAccount, cisco: Account) -> None:
    counted(account)
    pool = VirtualAccount.objects.get(name="DEFAULT")
    run, _ = runs.request(account, "test")
    made = []

    def make_one(step: str, done: int, total: int | None) -> None:
        if step == "Comparing":
            made.append(make_token(virtual_account=pool))

    syncing.run_sync(run, make_one)

    made[0].refresh_from_db()
    assert made[0].gone_at is None


def test_each_day_has_one_sample_per_license(account: SmartAccount, cisco: Account) -> None:
    counted(account)
    cisco.set_license("DEFAULT", BASIC, quantity=50, inUse=9)
    cisco.licenses.pop(0)
    counted(account)

    samples = UsageSample.objects.order_by("license__name", "-quantity").values_list(
        "license__name", "quantity", "in_use", "day"
    )
    today = datetime.now(UTC).date()
    assert list(samples) == [(BASIC, 50, 9, today), (ENHANCED, 20, 7, today), (ENHANCED, 1, 0, today)]


def test_odd_names_and_values_arrive_unharmed(account: SmartAccount, emulator: EmulatorThread) -> None:
    cisco = emulator.state.add("acme.example", "Acme")
    for number, name in enumerate(["AT&T", "a/b", "50 % \t off", "Ünïcode 漢字 🙂", "\\N", "quote ' \" ; --", "{}"]):
        cisco.add_pool(name, description=f"line\nbreak {name}")
        cisco.set_license(name, f"{name} License", quantity=number)
        cisco.add_device(name, f"S{number}", {f"{name} License": 1}, hostName=name)
        cisco.add_token(name, name, 3)

    counted(account)

    assert mirrored(account) == listed(cisco)


def test_nul_and_overlong_texts_are_cut_to_what_fits(account: SmartAccount, emulator: EmulatorThread) -> None:
    cisco = emulator.state.add("acme.example", "Acme")
    cisco.set_license("DEFAULT", "N\x00ul", quantity=1)
    cisco.add_device("DEFAULT", "1", {"N\x00ul": 1}, hostName="h" * 1000)

    counted(account)

    assert License.objects.get().name == "Nul"
    assert ProductInstance.objects.get().host_name == "h" * 300
    assert InstanceUsage.objects.get().license.name == "Nul"


def test_two_partners_of_one_account_have_each_their_own_mirror(
    acme: Partner, globex: Partner, emulator: EmulatorThread, cisco: Account
) -> None:
    here = account_of(emulator)
    with tenant_context(globex):
        there = account_of(emulator)
        counted(there)
    cisco.devices.pop()

    assert counted(here) == {"created": 8}
    assert mirrored(here) == listed(cisco)
    with tenant_context(globex):
        assert (ProductInstance.objects.present().count(), Change.objects.count()) == (3, 9)


def test_two_accounts_of_one_partner_do_not_touch_each_other(
    account: SmartAccount, emulator: EmulatorThread, cisco: Account
) -> None:
    other_cisco = emulator.state.add("other.example", "Other")
    other_cisco.add_device("DEFAULT", "00001", {})
    other = account_of(emulator, "other.example")
    counted(account)

    assert counted(other) == {"created": 2}
    assert (mirrored(account), mirrored(other)) == (listed(cisco), listed(other_cisco))
