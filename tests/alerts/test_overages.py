"""The out-of-compliance clock: since when, until when, whose care, and that it follows Cisco's word alone."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from kit.refusals import Refusal
from licensing.alerts import evaluation, overages
from licensing.alerts.models import Overage
from licensing.mirror.models import License
from people.audit import Actor
from people.models import AuditEntry, User
from tenants.models import Partner
from tests import factories as make

NOW = timezone.now()


def clocks() -> list[tuple[str, Any, Any]]:
    return list(Overage.objects.values_list("license__name", "since", "ended_at").order_by("id"))


def test_clock_starts_with_the_shortage_and_stands_while_it_lasts(acme: Partner) -> None:
    make.make_license(name="Short", quantity=3, in_use=5)
    make.make_license(name="Fine")

    evaluation.evaluate(NOW)
    evaluation.evaluate(NOW + timedelta(days=4))

    assert clocks() == [("Short", NOW, None)]


def test_clock_ends_with_compliance_and_a_new_one_starts_next_time(acme: Partner) -> None:
    row = make.make_license(name="Short", quantity=3, in_use=5)
    evaluation.evaluate(NOW)
    License.objects.filter(pk=row.pk).update(status="in_compliance")
    evaluation.evaluate(NOW + timedelta(days=1))
    License.objects.filter(pk=row.pk).update(status="out_of_compliance")
    evaluation.evaluate(NOW + timedelta(days=2))

    assert clocks() == [("Short", NOW, NOW + timedelta(days=1)), ("Short", NOW + timedelta(days=2), None)]


@pytest.mark.parametrize("what", ["license", "pool"])
def test_clock_of_what_is_gone_ends(acme: Partner, what: str) -> None:
    row = make.make_license(name="Short", quantity=3, in_use=5)
    evaluation.evaluate(NOW)
    gone: Any = row if what == "license" else row.virtual_account
    gone.gone_at = NOW
    gone.save()

    evaluation.evaluate(NOW + timedelta(days=1))

    assert clocks() == [("Short", NOW, NOW + timedelta(days=1))]


def test_clock_of_a_paused_account_goes_on_and_none_starts_there(acme: Partner) -> None:
    row = make.make_license(name="Short", quantity=3, in_use=5)
    evaluation.evaluate(NOW)
    account = row.virtual_account.smart_account
    account.paused_at = NOW
    account.save()
    License.objects.filter(pk=row.pk).update(status="in_compliance")
    make.make_license(name="Another", quantity=3, in_use=5, virtual_account=row.virtual_account)

    evaluation.evaluate(NOW + timedelta(days=1))

    assert clocks() == [("Short", NOW, None)]


def test_clocks_are_each_partners_own(acme: Partner, globex: Partner) -> None:
    make.make_license(name="Short", quantity=3, in_use=5)
    with tenant_context(globex):
        make.make_license(name="Theirs", quantity=3, in_use=5)

    evaluation.evaluate(NOW)

    assert clocks() == [("Short", NOW, None)]
    with tenant_context(globex):
        assert clocks() == []


def test_days_left_count_down_to_the_blocking(acme: Partner) -> None:
    short = make.make_license(quantity=3, in_use=5)
    overage = Overage(license=short, since=timezone.now() - timedelta(days=81))

    assert overage.days_left == 9
    assert overage.ends - overage.since == timedelta(days=90)
    assert Overage(license=short, since=timezone.now() - timedelta(days=92)).days_left == -2


def test_somebody_takes_care_and_the_audit_says_so(acme: Partner, acme_users: dict[str, User]) -> None:
    operator = acme_users["operator"]
    make.make_license(quantity=3, in_use=5)
    evaluation.evaluate(NOW)
    overage = Overage.objects.get()

    overages.take_care(Actor(operator, operator.email), overage, operator, " Ordered 20 more. ")

    overage.refresh_from_db()
    assert (overage.owner, overage.note) == (operator, "Ordered 20 more.")
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.object_type, entry.changes) == (
        "changed",
        "overage",
        {"owner": [None, operator.pk], "note": ["", "Ordered 20 more."]},
    )


def test_who_has_left_cannot_take_care(acme: Partner, acme_users: dict[str, User]) -> None:
    operator = acme_users["operator"]
    operator.is_active = False
    make.make_license(quantity=3, in_use=5)
    evaluation.evaluate(NOW)

    with pytest.raises(Refusal, match="deactivated"):
        overages.take_care(Actor(None, "portal"), Overage.objects.get(), operator, "")


def test_who_has_left_stays_while_the_note_changes(
    acme: Partner, globex: Partner, acme_users: dict[str, User], api_of: Any, client_of: Any
) -> None:
    with tenant_context(globex):
        make.make_license(quantity=3, in_use=5)
        evaluation.evaluate(NOW)
    make.make_license(quantity=3, in_use=5)
    evaluation.evaluate(NOW)
    overage, operator = Overage.objects.get(), acme_users["operator"]
    overages.take_care(Actor(None, "portal"), overage, operator, "")
    User.objects.filter(pk=operator.pk).update(is_active=False)

    patched = api_of(acme).patch(f"/api/v1/overages/{overage.pk}/", {"note": "Ordered 20 more."})
    posted = client_of(acme, "owner").post(f"/overages/{overage.pk}/edit/", {"owner": operator.pk, "note": "30 more."})

    overage.refresh_from_db()
    assert (patched.status_code, posted.status_code) == (200, 302)
    assert (overage.owner_id, overage.note) == (operator.pk, "30 more.")
    with tenant_context(globex):
        assert Overage.objects.get().note == ""
