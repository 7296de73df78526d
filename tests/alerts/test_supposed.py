"""What the next evaluation would say of figures that are supposed is what it says once they are so."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from licensing.alerts.evaluation import evaluate
from licensing.alerts.models import Alert, AlertRule
from licensing.alerts.replay import supposed
from licensing.alerts.replay.supposed import FreeBelow, Supposed
from licensing.mirror.models import License, UsageSample
from tenants.models import Partner
from tests import factories as make

EXHAUSTED_IN = 40


def as_supposed(row: License, **values: Any) -> Supposed:
    names = ("id", "virtual_account_id", "name", "quantity", "in_use", "reserved", "available", "status")
    return Supposed(**{name: getattr(row, name) for name in names} | values)


def changed() -> set[tuple[bool, str, str, str]]:
    """What the next evaluation really opens and closes."""
    before = set(Alert.objects.open().values_list("pk", flat=True))
    evaluate()
    now = set(Alert.objects.open().values_list("pk", flat=True))
    return {
        (alert.pk in now, alert.kind, alert.subject_name, alert.subject_place)
        for alert in Alert.objects.filter(pk__in=before ^ now)
    }


def predicted(account: int, rows: list[Supposed]) -> set[tuple[bool, str, str, str]]:
    return {(one.opens, one.kind, one.subject, one.place) for one in supposed.changes(account, rows)}


figures = st.tuples(st.integers(0, 40), st.integers(0, 40))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(figures, min_size=2, max_size=3), st.lists(figures, min_size=2, max_size=3), st.integers(0, 30))
def test_prediction_is_what_evaluation_then_does(
    acme: Partner, before: list[tuple[int, int]], after: list[tuple[int, int]], threshold: int
) -> None:
    AlertRule.objects.filter(kind="free_below").update(
        threshold=threshold, unit="licenses" if threshold % 2 else "percent"
    )
    account = make.make_smart_account()
    rows = [
        make.make_license(
            virtual_account=make.make_virtual_account(smart_account=account), quantity=quantity, in_use=in_use
        )
        for quantity, in_use in before
    ]
    evaluate()
    then = [
        as_supposed(
            row,
            quantity=quantity,
            in_use=in_use,
            available=quantity - in_use,
            status="in_compliance" if quantity >= in_use else "out_of_compliance",
        )
        for row, (quantity, in_use) in zip(rows, after, strict=False)
    ]
    expected = predicted(account.pk, then)

    for one in then:
        License.objects.filter(pk=one.id).update(
            quantity=one.quantity, in_use=one.in_use, available=one.available, status=one.status
        )

    assert changed() == expected


def test_rules_are_asked_within_their_scopes(acme: Partner) -> None:
    AlertRule.objects.filter(kind="free_below").delete()
    account = make.make_smart_account()
    watched, other = (make.make_license(virtual_account=make.make_virtual_account(smart_account=account)) for _ in "ab")
    AlertRule.objects.create(
        name="Narrow",
        kind="free_below",
        threshold=5,
        unit="licenses",
        virtual_accounts=[watched.virtual_account_id],
    )
    AlertRule.objects.create(name="Off", kind="free_below", threshold=5, unit="licenses", enabled=False)

    assert supposed.free_below_rules(account.pk) == {watched.pk: [FreeBelow(5, in_licenses=True)]}
    rows = [as_supposed(row, quantity=5, available=1) for row in (watched, other)]
    assert predicted(account.pk, rows) == {(True, "free_below", watched.name, watched.virtual_account.name)}


def test_license_that_the_target_does_not_list_yet(acme: Partner) -> None:
    target = make.make_virtual_account(name="South")
    new = Supposed(-1, target.pk, "CER_USER", 10, 10, 0, 0, "in_compliance")

    [one] = supposed.changes(target.smart_account_id, [new])

    assert (one.opens, one.kind, one.subject, one.place) == (True, "free_below", "CER_USER", "South")
    assert one.summary == "0 free licenses out of 10 in South of Account. The threshold is 10 percent."


def test_license_that_runs_out_earlier_and_later(acme: Partner) -> None:
    row = make.make_license(quantity=400, in_use=200)
    today = timezone.now().date()
    for day in range(60):
        UsageSample.objects.create(
            license=row, available=0, reserved=0, day=today - timedelta(days=59 - day), quantity=400, in_use=141 + day
        )
    evaluate()
    account = row.virtual_account.smart_account_id
    assert not Alert.objects.filter(kind="exhaustion").exists()

    fewer = as_supposed(row, quantity=200 + EXHAUSTED_IN, available=EXHAUSTED_IN)

    assert (True, "exhaustion", row.name, row.virtual_account.name) in predicted(account, [fewer])
    assert predicted(account, [as_supposed(row)]) == set()


def test_clock_that_ends_closes_its_alert(acme: Partner) -> None:
    row = make.make_license(quantity=5, in_use=8)
    make.make_overage(license=row, since=timezone.now() - timedelta(days=80))
    evaluate()
    enough = as_supposed(row, quantity=20, available=12, status="in_compliance")

    assert {(opens, kind) for opens, kind, _, _ in predicted(row.virtual_account.smart_account_id, [enough])} == {
        (False, "out_of_compliance"),
        (False, "overage"),
    }


@pytest.mark.parametrize("account", ["other account", "other partner"])
def test_nothing_else_is_touched_or_named(acme: Partner, globex: Partner, account: str) -> None:
    here = make.make_license(quantity=5, in_use=8)
    if account == "other partner":
        with tenant_context(globex):
            make.make_license(quantity=5, in_use=8)
    else:
        make.make_license(quantity=5, in_use=8)
    before = list(License.objects.values_list("quantity", "status"))

    found = supposed.changes(here.virtual_account.smart_account_id, [as_supposed(here, quantity=9)])

    assert [(one.opens, one.subject) for one in found] == [(True, here.name)]
    assert (list(License.objects.values_list("quantity", "status")), Alert.objects.count()) == (before, 0)


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 300), st.integers(0, 300), st.integers(0, 100), st.booleans())
def test_most_to_give_and_fewest_to_get_stand_at_the_threshold(
    quantity: int, in_use: int, threshold: int, in_licenses: bool
) -> None:
    rule, free = FreeBelow(threshold, in_licenses), quantity - in_use

    def fires(moved: int) -> bool:
        owned, left = quantity + moved, free + moved
        return owned > 0 and (left < threshold if in_licenses else left * 100 < owned * threshold)

    most, fewest = rule.most_to_give(quantity, free), rule.fewest_to_get(quantity, free)
    if free >= 0 and not fires(0):
        assert not fires(-most)
        assert most == free or fires(-most - 1) or most == quantity - 1, "what nobody owns cannot run low"
    if fires(0) and (in_licenses or threshold < 100):
        assert not fires(fewest)
        assert fires(fewest - 1)
    elif not fires(0):
        assert fewest == 0
