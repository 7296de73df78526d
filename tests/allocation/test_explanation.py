"""Each license explained: by whom it is needed, what covers it, and whether Cisco's figures agree."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from licensing.allocation import explanation, holdings
from licensing.allocation.explanation import Explained
from licensing.allocation.license_names import CURRENT, FAMILIES_12_5
from licensing.mirror.models import VirtualAccount
from tenants.models import Partner
from tests import factories as make
from tests.allocation.test_what_if import CUWL, ENHANCED, OTHER, PLUS, STANDARD

LENT = [{"license": PLUS, "substituted_license": CUWL, "quantity": 50, "type": "tier"}]


def explained(pool: VirtualAccount) -> dict[str, Explained]:
    return {part.license: part for part in explanation.explain(holdings.of([pool])[pool.pk]).values()}


def verdicts(found: Explained) -> dict[str, str]:
    return {part.topic: str(part.verdict) for part in found.comparisons}


AGREES = {"In use": "agrees", "Available": "agrees", "Status": "agrees", "Substitutions": "agrees"}


def cisco_example(**cuwl: Any) -> VirtualAccount:
    """Own 100 CUWL, require 10 CUWL and 50 Enhanced Plus (docs/domain.md#allocation-example), with Cisco's figures."""
    pool = make.make_virtual_account()
    make.make_license(
        virtual_account=pool,
        name=CUWL,
        **{"quantity": 100, "in_use": 10, "available": 40, "status": "in_compliance", **cuwl},
    )
    make.make_license(
        virtual_account=pool, name=PLUS, quantity=0, in_use=50, available=0, status="in_compliance", substitutions=LENT
    )
    make.make_instance({CUWL: 10, PLUS: 50}, virtual_account=pool)
    return pool


def test_ciscos_example_is_explained_and_agrees(acme: Partner) -> None:
    found = explained(cisco_example())

    assert (found[CUWL].figures.left, found[CUWL].figures.lent, found[PLUS].figures.borrowed) == (40, 50, 50)
    assert (verdicts(found[CUWL]), verdicts(found[PLUS])) == (AGREES, AGREES)


@pytest.mark.parametrize(
    ("cuwl", "topic", "verdict", "said"),
    [
        ({"available": 90}, "Available", "explained", "leaves out 50 lent to other licenses"),
        ({"available": 7}, "Available", "unexplained", "We cannot explain Cisco's number."),
        ({"in_use": 60}, "In use", "explained", "The rest is lent to other licenses."),
        ({"in_use": 75}, "In use", "unexplained", "We cannot explain 15 of them; they count as needed here."),
        ({"in_use": 4}, "In use", "unexplained", "We do not know why it counts fewer."),
        ({"status": "out_of_compliance"}, "Status", "unexplained", "although by the rules nothing is short"),
        ({"status": "unknown"}, "Status", "explained", "Cisco reports no status"),
        (
            {"substitutions": [{**LENT[0], "license": CUWL, "substituted_license": STANDARD}]},
            "Substitutions",
            "unexplained",
            "by the rules it is none",
        ),
    ],
)
def test_difference_is_said_and_explained_only_where_a_reason_is_known(
    acme: Partner, cuwl: dict[str, Any], topic: str, verdict: str, said: str
) -> None:
    found = explained(cisco_example(**cuwl))[CUWL]

    part = next(part for part in found.comparisons if part.topic == topic)
    assert (str(part.verdict), said in part.text) == (verdict, True), part.text


def test_cisco_that_does_not_borrow_is_called_out(acme: Partner) -> None:
    pool = make.make_virtual_account()
    make.make_license(virtual_account=pool, name=PLUS, quantity=80, in_use=100)
    make.make_license(virtual_account=pool, name=STANDARD, quantity=500, in_use=0)
    make.make_instance({PLUS: 100}, virtual_account=pool)

    plus, standard = (explained(pool)[name] for name in (PLUS, STANDARD))

    assert (plus.figures.short, plus.figures.borrowed, standard.figures.left) == (0, 20, 480)
    assert verdicts(plus) == {
        "In use": "agrees",
        "Available": "explained",
        "Status": "unexplained",
        "Substitutions": "explained",
    }
    assert "Cisco shows 500 available; by the rules it is 480." in standard.comparisons[1].text


def test_unknown_license_stands_alone_and_unlisted_one_is_named(acme: Partner) -> None:
    pool = make.make_virtual_account()
    make.make_license(virtual_account=pool, name=OTHER, quantity=2, in_use=3, available=-1)
    make.make_license(virtual_account=pool, name=CUWL, quantity=50, in_use=0)
    make.make_instance({OTHER: 3, "Not listed": 4}, virtual_account=pool)

    found = explained(pool)

    assert (found[OTHER].known, found[OTHER].figures.short, verdicts(found[OTHER])) == (False, 1, AGREES)
    assert (found["Not listed"].rows, found["Not listed"].figures.short) == ((), 4)


def test_spellings_of_one_license_are_counted_together(acme: Partner) -> None:
    pool = make.make_virtual_account()
    newer = ENHANCED.replace("12.x", "14.x")
    make.make_license(virtual_account=pool, name=ENHANCED, quantity=5, in_use=8, available=-3)
    make.make_license(virtual_account=pool, name=newer, quantity=4, in_use=0, available=4)
    make.make_instance({ENHANCED: 8}, virtual_account=pool)

    (found,) = explained(pool).values()

    assert ([row.name for row in found.rows], found.figures.left, found.figures.short) == ([ENHANCED, newer], 1, 0)
    assert verdicts(found)["Available"] == "agrees"


# --- pages and REST ---


def text(response: Any) -> str:
    assert response.status_code == 200
    return str(response.content.decode())


def test_row_of_the_virtual_account_opens_to_its_explanation(acme: Partner, client_of: Any) -> None:
    pool = cisco_example()
    cluster = make.make_cluster(name="Core", customer=make.make_customer(name="Harbor"))
    make.make_instance({PLUS: 7}, virtual_account=pool, cluster=cluster, host_name="pub.harbor.example")
    plus = pool.licenses.get(name=PLUS)
    client = client_of(acme, "viewer")

    page = text(client.get(f"/virtual-accounts/{pool.pk}/"))
    part = text(client.get(f"/licenses/{plus.pk}/explained/", headers={"HX-Request": "true"}))
    whole = text(client.get(f"/licenses/{plus.pk}/explained/"))

    assert "57 needed: 57 borrowed; 0 left" in page
    assert f'hx-get="/licenses/{plus.pk}/explained/"' in page
    for said in ("57 from UC Manager CUWL", "pub.harbor.example", "Core", "Harbor", "Substitutions"):
        assert said in part, said
        assert said in whole, said
    assert ("<html" in part, "<html" in whole) == (False, True)


def test_license_page_explains_and_a_gone_license_does_not(acme: Partner, client_of: Any) -> None:
    pool = cisco_example()
    client = client_of(acme, "viewer")

    assert "50 to UC Manager Enhanced Plus" in text(client.get(f"/licenses/{pool.licenses.get(name=CUWL).pk}/"))
    gone = make.make_license(gone_at=timezone.now())
    assert "Explained" not in text(client.get(f"/licenses/{gone.pk}/"))
    assert "nothing to explain" in text(client.get(f"/licenses/{gone.pk}/explained/"))


def test_rules_are_shown_as_the_engine_has_them(acme: Partner, client_of: Any) -> None:
    client = client_of(acme, "viewer")
    shown = " ".join(client.get("/allocation-rules/").content.decode().split())

    def named(tag: str) -> str:
        return " ".join(CURRENT.display_name(tag).split())

    places = [shown.index(f"<li>{named(tag)}") for tag in FAMILIES_12_5[0].tags]
    assert places == sorted(places)
    for tag, first, *others in (
        ("UCM_CUWL", "HUCM_Standard"),
        ("UCM_Basic", "HUCM_Foundation", "HUCM_Standard"),
        ("CUC_BasicMessaging", "HCUC_BasicMessaging", "HCUC_StandardMessaging"),
        ("CER_USER", "HCER_User"),
    ):
        row = shown.split(f'<span class="sub">{tag}</span>')[1].split("</tr>")[0]
        assert f"<div>{named(first)}" in row
        assert row.count("then ") == len(others)
        assert all(f"then {named(other)}" in row for other in others)
    pool = cisco_example()
    for page in ("/what-if/", f"/licenses/{pool.licenses.first().pk}/explained/"):
        assert 'href="/allocation-rules/"' in client.get(page).content.decode()


def test_rest_explains(acme: Partner, api_of: Any) -> None:
    pool = cisco_example(available=90)
    row, gone = pool.licenses.get(name=CUWL), make.make_license(gone_at=timezone.now())
    api = api_of(acme, "viewer", "read")

    body = api.get(f"/api/v1/licenses/{row.pk}/explanation/").json()

    assert body["licenses"] == [row.pk]
    assert (body["figures"]["left"], body["figures"]["lent_to"][0]["requested"]) == (40, PLUS)
    assert {part["topic"]: part["verdict"] for part in body["comparisons"]}["Available"] == "explained"
    assert api.get(f"/api/v1/licenses/{gone.pk}/explanation/").status_code == 409


def test_virtual_account_takes_the_same_statements_for_one_license_and_for_three(acme: Partner, client_of: Any) -> None:
    pool, client, taken = make.make_virtual_account(), client_of(acme, "viewer"), []
    for number in (1, 2):
        for _ in range(number):
            row = make.make_license(virtual_account=pool)
            make.make_instance({row.name: 2}, virtual_account=pool, cluster=make.make_cluster())
        for address in (f"/virtual-accounts/{pool.pk}/", f"/licenses/{row.pk}/explained/"):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(address).status_code == 200
            taken.append(len(queries))

    assert taken[:2] == taken[2:]
