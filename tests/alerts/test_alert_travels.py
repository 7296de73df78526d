"""Each kind travels in time: nothing just before its border, one alert from there on, over a change of clocks and over
months, and closed once. What its border is in figures: test_alert_kinds and test_alert_kinds_more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone
from django_tenants.utils import tenant_context

from licensing.accounts.models import LicenseServer, SmartAccount
from licensing.alerts.evaluation import evaluate
from licensing.alerts.kinds import FACTS
from licensing.alerts.models import Alert, AlertEvent, AlertRule, Kind, Overage
from licensing.assignments.models import AssignmentJob
from licensing.mirror.models import (
    CssmAlert,
    License,
    LicenseLine,
    ProductInstance,
    RegistrationToken,
    SyncRun,
    UsageSample,
)
from tenants.models import Partner
from tests import factories as make

BERLIN = ZoneInfo("Europe/Berlin")
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
WALK = (SECOND, HOUR, DAY, 10 * DAY, 35 * DAY, 49 * DAY)


@dataclass(frozen=True)
class Journey:
    """`prepare(border)` at the start, `cross()` at the border where what is watched changes there, `mend()` at the end.

    `after`: open not at the border but after it; `ends`: it closes by itself so long after the border.
    """

    prepare: Callable[[datetime], Any]
    mend: Callable[[], Any] = lambda: None
    cross: Callable[[], Any] = lambda: None
    after: bool = False
    ends: timedelta | None = None


def day_of(border: datetime) -> date:
    return border.astimezone(BERLIN).date()


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), BERLIN)


def days(number: int) -> timedelta:
    return timedelta(days=number)


def growth(border: datetime) -> None:
    """One more a day; the last one is taken 60 days after the border."""
    license_ = make.make_license(quantity=500, in_use=400)
    end = day_of(border) + days(60)
    UsageSample.objects.bulk_create(
        UsageSample(license=license_, day=end - days(left), quantity=500, in_use=501 - left, available=0, reserved=0)
        for left in range(1, 200)
    )


def short_since(border: datetime) -> None:
    overdue = noon(day_of(border) + days(60))
    license_ = make.make_license(quantity=1, in_use=4)
    Overage.objects.create(license=license_, since=overdue.astimezone(UTC) - days(90))


def in_one_pool(border: datetime) -> None:
    assignment = make.make_assignment()
    make.make_instance(virtual_account=assignment.virtual_account, cluster=assignment.cluster)


def full_server(border: datetime) -> None:
    server = make.make_server(kind="on_prem", instance_limit=5)
    place = make.make_virtual_account(smart_account=make.make_smart_account(license_server=server))
    for _ in range(4):
        make.make_instance(virtual_account=place)


def run(status: str, **values: Any) -> SyncRun:
    now = timezone.now()
    return make.make_sync_run(
        smart_account=SmartAccount.objects.get(), status=status, queued_at=now, finished_at=now, **values
    )


def of(model: Any, **values: Any) -> Callable[[], Any]:
    """Sets these columns of all rows; a value that is a function is called then."""
    return lambda: model.objects.update(
        **{name: found() if callable(found) else found for name, found in values.items()}
    )


SHORT = {"in_use": 14, "available": -4, "status": "out_of_compliance"}
WELL = {"in_use": 4, "available": 6, "status": "in_compliance"}
JOURNEYS = {
    Kind.OUT_OF_COMPLIANCE: Journey(
        lambda _: make.make_license(quantity=10, in_use=4), of(License, **WELL), of(License, **SHORT)
    ),
    Kind.FREE_BELOW: Journey(
        lambda _: make.make_license(quantity=100, in_use=90),
        of(License, in_use=90, available=10),
        of(License, in_use=91, available=9),
    ),
    Kind.EXHAUSTION: Journey(growth, lambda: UsageSample.objects.all().delete()),
    Kind.TERM_ENDING: Journey(
        lambda border: make.make_line(end=day_of(border) + days(90)),
        of(LicenseLine, end=lambda: timezone.localdate() + days(365)),
    ),
    Kind.TERM_ENDED: Journey(
        lambda border: make.make_line(end=day_of(border) - days(1)),
        of(LicenseLine, end=lambda: timezone.localdate() + days(365)),
    ),
    Kind.INSTANCE_SILENT: Journey(
        lambda border: make.make_instance(last_contact_at=border - days(30)),
        of(ProductInstance, last_contact_at=timezone.now),
        after=True,
    ),
    Kind.WRONG_POOL: Journey(
        in_one_pool,
        lambda: ProductInstance.objects.update(
            virtual_account=ProductInstance.objects.get().cluster.assignments.get().virtual_account
        ),
        of(ProductInstance, virtual_account=make.make_virtual_account),
    ),
    Kind.ASSIGNMENT_FAILED: Journey(
        lambda border: make.make_assignment_job(state="running", moved_at=border - HOUR),
        of(AssignmentJob, state="cancelled", finished_at=timezone.now),
        after=True,
    ),
    Kind.ORDERED_CONSUMPTION: Journey(
        lambda _: make.make_license(virtual_account=make.make_virtual_account(purpose="ordered"), in_use=0),
        of(License, in_use=0),
        of(License, in_use=1),
    ),
    Kind.TOKEN_EXPIRING: Journey(
        lambda border: make.make_token(expires_at=noon(day_of(border) + days(7))), ends=days(7) + 12 * HOUR
    ),
    Kind.TOKEN_USED_UP: Journey(
        lambda _: make.make_token(uses_allowed=5, uses=4, expires_at=None),
        of(RegistrationToken, uses_allowed=None),
        of(RegistrationToken, uses=5),
    ),
    Kind.EVALUATION_ENDING: Journey(
        lambda border: make.make_cluster(installed_on=day_of(border) - days(30)),
        lambda: make.make_instance(cluster=make.Cluster.objects.get()),
    ),
    Kind.OVERAGE: Journey(short_since, of(License, **WELL)),
    Kind.ON_PREM_SYNC: Journey(
        lambda border: make.make_server(kind="on_prem", last_cloud_sync_at=border - days(30)),
        of(LicenseServer, last_cloud_sync_at=timezone.now),
        after=True,
    ),
    Kind.ON_PREM_URL: Journey(
        lambda _: make.make_server(kind="on_prem", api_base_url="https://ssm.example:8443/api/v1"),
        of(LicenseServer, on_prem_name=""),
        of(LicenseServer, on_prem_name="other.example"),
    ),
    Kind.ON_PREM_CAPACITY: Journey(
        full_server,
        of(LicenseServer, instance_limit=50),
        lambda: make.make_instance(virtual_account=ProductInstance.objects.first().virtual_account),
    ),
    Kind.CERTIFICATE_EXPIRING: Journey(
        lambda border: make.make_server(certificate_not_after=noon(day_of(border) + days(60))),
        of(LicenseServer, certificate_not_after=lambda: timezone.now() + days(365)),
    ),
    Kind.TLS_VERIFICATION_OFF: Journey(
        lambda _: make.make_server(), of(LicenseServer, verify_tls=True), of(LicenseServer, verify_tls=False)
    ),
    Kind.SYNC_FAILED: Journey(
        lambda _: make.make_smart_account(), lambda: run("succeeded"), lambda: run("failed", reason="unavailable")
    ),
    Kind.SYNC_TOO_OLD: Journey(
        lambda border: make.make_smart_account(sync_every=days(1), last_synced_at=border - days(2)),
        of(SmartAccount, last_synced_at=timezone.now),
        after=True,
    ),
    Kind.CREDENTIALS_REFUSED: Journey(
        lambda _: make.make_smart_account(), lambda: run("succeeded"), lambda: run("failed", reason="refused")
    ),
    Kind.CREDENTIALS_EXPIRING: Journey(
        lambda border: make.make_server(credentials_expire_on=day_of(border) + days(30)),
        of(LicenseServer, credentials_expire_on=lambda: timezone.localdate() + days(365)),
    ),
    Kind.CSSM_ALERT: Journey(
        lambda _: make.make_smart_account(),
        lambda: CssmAlert.objects.all().delete(),
        lambda: CssmAlert.objects.create(smart_account=SmartAccount.objects.get(), digest="1", type="Pending"),
    ),
}


@pytest.fixture
def berlin(settings: Any) -> Any:
    settings.TIME_ZONE = "Europe/Berlin"
    with timezone.override(BERLIN):
        yield


def state(kind: str, clock: Any, moment: datetime) -> int:
    """How many of the kind are open after the evaluation of that moment."""
    clock.move_to(moment, tick=False)
    evaluate()
    return Alert.objects.open().filter(kind=kind).count()


def told(kind: str) -> list[tuple[str, datetime]]:
    events = AlertEvent.objects.filter(alert__kind=kind, kind__in=["opened", "reopened", "closed"])
    return list(events.values_list("kind", "at"))


def test_every_kind_has_a_journey() -> None:
    assert set(JOURNEYS) == set(FACTS) == set(Kind)


@pytest.mark.parametrize("start", [date(2026, 3, 1), date(2026, 10, 1)], ids=["to summer time", "to winter time"])
@pytest.mark.parametrize("kind", JOURNEYS)
def test_opens_at_its_border_and_closes_once(
    acme: Partner, globex: Partner, berlin: None, kind: Kind, start: date
) -> None:
    journey = JOURNEYS[kind]
    border = datetime.combine(start + days(40), time(0), BERLIN).astimezone(UTC)  # the clocks change on the way there
    first = border + SECOND if journey.after else border
    with time_machine.travel(noon(start), tick=False) as clock:
        journey.prepare(border)
        before = [state(kind, clock, moment) for moment in (noon(start), border - 10 * DAY, first - SECOND)]
        clock.move_to(first, tick=False)
        journey.cross()
        at = state(kind, clock, first)
        walked = [step for step in WALK if journey.ends is None or step < journey.ends]
        after = [state(kind, clock, first + step) for step in walked]
        end = border + journey.ends if journey.ends else first + 50 * DAY
        last = state(kind, clock, end - SECOND)
        clock.move_to(end, tick=False)
        journey.mend()
        over = [state(kind, clock, end + step) for step in (timedelta(0), SECOND, DAY)]

    assert (before, at, after, last, over) == ([0, 0, 0], 1, [1] * len(walked), 1, [0, 0, 0])
    assert told(kind) == [("opened", first), ("closed", end)]
    assert AlertRule.objects.filter(kind=kind, enabled=True).exists()  # without anybody's doing
    with tenant_context(globex):
        assert not Alert.objects.exists()
