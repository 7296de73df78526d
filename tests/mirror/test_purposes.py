"""Ordered and operational pool: suggested by name, decided by people, locked where something depends on them."""

from typing import Any

import pytest
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from licensing.mirror import purposes
from licensing.mirror.models import VirtualAccount
from people.models import AuditEntry
from tenants.models import Partner
from tests import factories as make


@pytest.mark.parametrize(
    ("name", "purpose", "sure"),
    [
        ("va-hcs-ordered", "ordered", True),
        ("VA-HCS-Ordered", "ordered", True),
        ("va_hcs ordered", "ordered", True),
        ("va-hcs-operational", "operational", True),
        ("VA-HCS-Operational", "operational", True),
        ("va-hcs-operations", "operational", True),
        ("va-hcs-orderd", "ordered", False),
        ("va-hcs-ordred", "ordered", False),
        ("va-hsc-operational", "operational", False),
        ("vahcsoperational", "operational", False),
        ("va-hcs-operatonal", "operational", False),
        ("Operational EMEA", "operational", False),
        ("hcs ordered", "ordered", False),
    ],
)
def test_names_suggest_a_purpose(name: str, purpose: str, sure: bool) -> None:
    (found,) = purposes.suggest([name])

    assert (found.purpose, found.sure, found.name) == (purpose, sure, name)
    assert name in found.text


@pytest.mark.parametrize(
    "name", ["DEFAULT", "R&D / Lab", "va-hcs", "Order desk", "Operators", "Region North", "", "--"]
)
def test_other_names_suggest_nothing(name: str) -> None:
    assert purposes.suggest([name]) == []


def test_sure_name_silences_near_ones_and_taken_purposes_are_left_out() -> None:
    names = ["va-hcs-orderd", "VA-HCS-ORDERED", "va-hcs-operatonal"]

    assert [(found.name, found.sure) for found in purposes.suggest(names)] == [
        ("VA-HCS-ORDERED", True),
        ("va-hcs-operatonal", False),
    ]
    assert [found.name for found in purposes.suggest(names, taken={"operational"})] == ["VA-HCS-ORDERED"]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.text(max_size=40), max_size=6), st.sets(st.sampled_from(["ordered", "operational"])))
def test_whatever_the_names_each_has_one_suggestion_at_most(names: list[str], taken: set[str]) -> None:
    found = purposes.suggest(names, taken)

    assert all(names.count(one.name) >= 1 and one.purpose not in taken for one in found)
    assert all(sum(other.name == one.name for other in found) == names.count(one.name) for one in found)


# --- the smart account's page and REST ---


def text(response: Any) -> str:
    return str(response.content.decode())


def test_smart_account_suggests_and_one_click_accepts(acme: Partner, client_of: Any) -> None:
    account = make.make_smart_account()
    pool = make.make_virtual_account(smart_account=account, name="VA-HCS-Ordered")
    make.make_virtual_account(smart_account=account, name="va-hcs-operatonal")
    make.make_virtual_account(smart_account=account, name="Other")
    client, address = client_of(acme, "operator"), f"/smart-accounts/{account.pk}/"

    before = text(client.get(address))
    answer = client.post(f"/virtual-accounts/{pool.pk}/purpose/", {"purpose": "ordered"})
    after = text(client.get(address))

    assert "VA-HCS-Ordered is the name of the ordered pool in Cisco&#x27;s guide." in before
    assert "va-hcs-operatonal resembles va-hcs-operational" in before
    assert answer["Location"] == address
    assert VirtualAccount.objects.get(pk=pool.pk).purpose == "ordered"
    assert AuditEntry.objects.get().changes == {"purpose": ["general", "ordered"]}
    assert "VA-HCS-Ordered is what" not in after
    assert "va-hcs-operatonal resembles" in after


def test_suggestion_that_no_longer_holds_is_refused_with_the_reason(acme: Partner, client_of: Any) -> None:
    account = make.make_smart_account()
    make.make_virtual_account(smart_account=account, name="taken", purpose="ordered")
    pool = make.make_virtual_account(smart_account=account, name="va-hcs-ordered")
    client = client_of(acme, "operator")

    answers = [
        client.post(f"/virtual-accounts/{pool.pk}/purpose/", {"purpose": purpose}, follow=True)
        for purpose in ("ordered", "nonsense", "")
    ]

    assert "taken is the ordered pool of this smart account already." in text(answers[0])
    assert "is not a purpose" in text(answers[1])
    assert "is not a purpose" in text(answers[2])
    assert VirtualAccount.objects.get(pk=pool.pk).purpose == "general"


def test_viewer_sees_suggestions_and_accepts_none(acme: Partner, client_of: Any) -> None:
    pool = make.make_virtual_account(name="va-hcs-ordered")
    client = client_of(acme, "viewer")

    assert "va-hcs-ordered is the name of the ordered pool" in text(
        client.get(f"/smart-accounts/{pool.smart_account_id}/")
    )
    assert f"/virtual-accounts/{pool.pk}/purpose/" not in text(client.get(f"/smart-accounts/{pool.smart_account_id}/"))
    assert client.post(f"/virtual-accounts/{pool.pk}/purpose/", {"purpose": "ordered"}).status_code == 403


def test_rest_suggests(acme: Partner, api_of: Any) -> None:
    pool = make.make_virtual_account(name="va-hcs-orderd")

    answer = api_of(acme, "viewer", "read").get(f"/api/v1/smart-accounts/{pool.smart_account_id}/purpose-suggestions/")

    assert answer.json() == [
        {
            "virtual_account": pool.pk,
            "name": "va-hcs-orderd",
            "purpose": "ordered",
            "sure": False,
            "text": "va-hcs-orderd resembles va-hcs-ordered, the name of the ordered pool in Cisco's guide. Check it.",
        }
    ]


# --- the lock of the license mode, at every door ---


@pytest.mark.parametrize("door", ["page", "rest", "admin"])
def test_license_mode_is_locked_while_clusters_are_assigned(
    acme: Partner, client_of: Any, api_of: Any, door: str
) -> None:
    pool = make.make_virtual_account(license_mode="hcs")
    make.make_assignment(virtual_account=pool, cluster=make.make_cluster(name="Core"))
    form = {"purpose": "general", "license_mode": "enterprise", "note": ""}

    if door == "page":
        answer = client_of(acme, "owner").post(f"/virtual-accounts/{pool.pk}/edit/", form)
    elif door == "rest":
        answer = api_of(acme).patch(f"/api/v1/virtual-accounts/{pool.pk}/", {"license_mode": "enterprise"})
    else:
        answer = client_of(acme, "owner").post(reverse("admin:mirror_virtualaccount_change", args=[pool.pk]), form)

    assert "cannot change while Core is assigned" in text(answer)
    pool.refresh_from_db()
    assert (pool.license_mode, AuditEntry.objects.count()) == ("hcs", 0)


def test_lock_looks_at_the_mode_as_it_is_now_not_as_it_was_read(acme: Partner) -> None:
    from kit.refusals import Refusal
    from licensing.assignments import pool_settings
    from people.audit import SYSTEM

    pool = make.make_virtual_account(license_mode="enterprise")
    VirtualAccount.objects.filter(pk=pool.pk).update(license_mode="hcs")
    make.make_assignment(virtual_account=pool)

    with pytest.raises(Refusal):
        pool_settings.set_license_mode(SYSTEM, pool, "enterprise")
