"""When a product instance is silent: alert, worklist, remedies, page filter and REST give one answer."""

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.alerts.models import AlertRule
from licensing.alerts.silence import USUAL_DAYS, silent_days
from licensing.mirror.models import License, ProductInstance
from licensing.pools.remedies import Kind as RemedyKind
from licensing.pools.remedies import remedies_for
from licensing.pools.worklist import Items
from licensing.pools.worklist_words import Reason
from tenants.models import Partner
from tests import factories as make
from tests.finding import found

KIND = "instance_silent"
NAME = "UC Manager Basic License (12.x)"


def set_rules(*rules: tuple[int | None, bool]) -> None:
    """Each with its threshold, and whether it is enabled."""
    AlertRule.objects.filter(kind=KIND).delete()
    for number, (threshold, enabled) in enumerate(rules):
        AlertRule.objects.create(
            kind=KIND, name=f"Silent {number}", severity="warning", threshold=threshold, enabled=enabled
        )


def fill_pool(last_contacts: Sequence[float | None]) -> License:
    """A short license, and as many instances that use it, each last in contact so many days ago."""
    pool = make.make_virtual_account()
    number = len(last_contacts)
    row = make.make_license(virtual_account=pool, name=NAME, quantity=0, in_use=number, status="out_of_compliance")
    now = timezone.now()
    for days in last_contacts:
        moment = None if days is None else now - timedelta(days=days)
        make.make_instance({NAME: 1}, virtual_account=pool, cluster=make.make_cluster(), last_contact_at=moment)
    return row


def surfaces(row: License, client: Any, api: Any) -> dict[str, set[int]]:
    """The ids of the silent instances, as each surface shows them."""
    reclaim = remedies_for(row).option(RemedyKind.RECLAIM)
    table = client.get("/product-instances/?silent=rule&format=csv").content.decode()
    shown = {
        instance.pk for instance in ProductInstance.objects.all() if f"{instance.host_name or instance.name}" in table
    }
    page = client.get("/worklist/?reason=ghost&format=csv").content.decode()
    return {
        "worklist": {item.subject_id for item in Items((Reason.GHOST,))[0:100]},
        "worklist page": {pk.pk for pk in ProductInstance.objects.all() if f"{pk.host_name or pk.name}" in page},
        "remedies": {instance.pk for instance in reclaim.instances} if reclaim else set(),
        "page filter": shown,
        "REST": {item["subject_id"] for item in api.get("/api/v1/worklist/?reason=ghost").json()["results"]},
    }


@pytest.mark.parametrize(
    ("rules", "days"),
    [
        ([(None, True), (60, True)], 30),
        ([(60, True), (90, True)], 60),
        ([(0, True)], 0),
        ([(0, False)], 30),
        ([], 30),
        ([(None, True)], 30),
        ([(7, False), (None, True), (60, True)], 30),
        ([(7, True), (None, True)], 7),
    ],
)
def test_smallest_threshold_decides_and_an_empty_one_is_the_usual(
    acme: Partner, rules: list[tuple[int | None, bool]], days: int
) -> None:
    set_rules(*rules)

    assert silent_days() == days
    assert USUAL_DAYS == 30


def test_instance_that_the_alert_calls_silent_is_on_the_worklist(acme: Partner) -> None:
    set_rules((None, True), (60, True))
    fill_pool([40])

    assert [alert.subject_id for alert in found(KIND)] == [item.subject_id for item in Items((Reason.GHOST,))[0:10]]


@pytest.mark.parametrize("seed", range(6))
def test_all_surfaces_call_the_same_instances_silent(
    acme: Partner, globex: Partner, client_of: Any, api_of: Any, seed: int
) -> None:
    chance = random.Random(seed)
    with tenant_context(globex):  # another partner's rules and instances decide nothing here
        set_rules((chance.randrange(3), True))
        fill_pool([1, 100])
    thresholds = [None, 0, 1, 29, 31, 60]
    rules = [(chance.choice(thresholds), chance.random() < 0.7) for _ in range(chance.randrange(4))]
    set_rules(*rules)
    row = fill_pool([chance.choice([None, 0.5, 1.5, 29.5, 30.5, 45, 61, 400]) for _ in range(8)])
    days = min([30 if threshold is None else threshold for threshold, enabled in rules if enabled], default=30)
    before = timezone.now() - timedelta(days=days)
    expected = set(ProductInstance.objects.filter(last_contact_at__lt=before).values_list("pk", flat=True))

    given = surfaces(row, client_of(acme, "operator"), api_of(acme))

    assert given == dict.fromkeys(given, expected)
    alerts = {alert.subject_id for alert in found(KIND)}
    assert alerts == (expected if any(enabled for _, enabled in rules) else set())
