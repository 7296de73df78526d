"""The charts of the overview and of a customer, its renewals, and the alerts that concern it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.alerts.subjects import about_cluster, about_customer
from licensing.figures import outlook
from licensing.history.recording import record
from licensing.mirror.models import License, LicenseLine, UsageSample
from licensing.orders import renewals
from licensing.orders.models import Order
from tenants.models import Partner
from tests import factories as make

FIRST = date(2026, 6, 1)
NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)


def test_days_out_of_compliance_come_from_samples_and_then_from_the_history(acme: Partner) -> None:
    account = make.make_smart_account()
    pool = make.make_virtual_account(smart_account=account)
    row = make.make_license(virtual_account=pool, quantity=5, in_use=9, available=-4, status="out_of_compliance")
    for day, in_use in ((3, 5), (4, 7), (5, 9), (10, 99)):  # the history knows the tenth better
        UsageSample.objects.create(
            license=row, day=date(2026, 6, day), quantity=5, in_use=in_use, available=5 - in_use, reserved=0
        )
    record([account.pk], NOON)
    License.objects.filter(pk=row.pk).update(status="in_compliance")
    record([account.pk], NOON + timedelta(days=2))

    found = outlook.short_by_day(FIRST, date(2026, 6, 14))

    assert [day.day for day, number in found.items() if number] == [4, 5, 10, 11]
    assert len(found) == 14


def test_terms_ahead_are_counted_by_month(acme: Partner) -> None:
    paused = make.make_smart_account(paused_at=timezone.now())
    away = make.make_license(virtual_account=make.make_virtual_account(smart_account=paused))
    row = make.make_license()
    for held, day, quantity in (
        (row, date(2026, 11, 25), 4),
        (row, date(2026, 11, 30), 5),
        (row, date(2027, 1, 1), 7),
        (row, date(2026, 11, 1), 50),
        (away, date(2026, 12, 1), 60),
    ):
        make.make_line(license=held, end=day, quantity=quantity)

    months = outlook.terms_ahead(date(2026, 11, 24), 3)

    assert [(month.first.isoformat(), month.licenses, month.terms) for month in months] == [
        ("2026-11-01", 9, 2),
        ("2026-12-01", 0, 0),
        ("2027-01-01", 7, 1),
    ]


@pytest.mark.parametrize("path", ["/", "customer"])
def test_pages_draw_their_charts(acme: Partner, client_of: Any, path: str) -> None:
    account = make.make_smart_account(last_synced_at=timezone.now())
    pool = make.make_virtual_account(smart_account=account)
    customer = make.make_customer(name="Harbor")
    row = make.make_license(virtual_account=pool, name="Plain", quantity=9)
    make.make_line(license=row, quantity=9, subscription_id="SubH")
    make.make_subscription(smart_account=account, subscription_id="SubH", customer=customer)
    make.make_instance({"Plain": 4}, virtual_account=pool, cluster=make.make_cluster(customer=customer))
    record([account.pk], timezone.now() - timedelta(days=40))

    shown = client_of(acme, "viewer").get(f"/customers/{customer.pk}/" if path == "customer" else path).content.decode()

    assert "Owned, 9</span>" in shown
    assert "Used, 4</span>" in shown
    assert ("Terms ahead" in shown) == (path == "/")


def test_renewals_are_those_of_the_customer(acme: Partner, globex: Partner) -> None:
    today = date(2026, 11, 24)
    account = make.make_smart_account()
    harbor, meadow = make.make_customer(name="Harbor"), make.make_customer(name="Meadow")
    for name, customer in (("SubH", harbor), ("SubM", meadow)):
        make.make_subscription(smart_account=account, subscription_id=name, customer=customer)
        for purpose in ("operational", "ordered"):
            pool = account.virtual_accounts.filter(purpose=purpose).first()
            pool = pool or make.make_virtual_account(smart_account=account, purpose=purpose)
            row, _ = License.objects.get_or_create(virtual_account=pool, name="Plain", defaults={"quantity": 9})
            place = LicenseLine.objects.filter(license=row).count()
            end = today + timedelta(days=9)
            make.make_line(license=row, position=place, quantity=4, subscription_id=name, end=end)
    Order.objects.create(
        smart_account=account, number="77", customer=harbor, renewal_on=today + timedelta(days=3), ordered_on=today
    )
    Order.objects.create(
        smart_account=account, number="78", customer=harbor, renewal_on=today - timedelta(days=3), ordered_on=today
    )

    found = renewals.of_customer(harbor.pk, today)

    assert [(one.title, one.licenses) for one in found] == [("Order 77", {}), ("SubH", {"Plain": 4})]
    with tenant_context(globex):
        assert renewals.of_customer(harbor.pk, today) == []


def test_alerts_about_a_customer_are_those_of_what_it_uses(acme: Partner) -> None:
    customer = make.make_customer(name="Harbor")
    cluster = make.make_cluster(customer=customer)
    used, other = make.make_license(name="Used"), make.make_license(name="Other")
    make.make_instance({"Used": 3}, virtual_account=used.virtual_account, cluster=cluster)
    usage = used.virtual_account.product_instances.get().usage.get()
    usage.license = used
    usage.save()
    mine = make.make_alert("free_below", subject_type="license", subject_id=used.pk, severity="minor")
    worse = make.make_alert("out_of_compliance", subject_type="license", subject_id=used.pk, severity="critical")
    make.make_alert("out_of_compliance", subject_type="license", subject_id=other.pk)

    assert list(about_customer(customer.pk)) == list(about_cluster(cluster.pk)) == [worse, mine]
    assert list(about_customer(make.make_customer(name="Meadow").pk)) == []
