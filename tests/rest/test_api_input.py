"""REST says no in one form: to unknown parameters and members, to bad bodies, to addresses where nothing is."""

import json
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django_tenants.utils import tenant_context

from licensing.fleet.models import Customer
from portal.rest.problems import flat
from tenants.models import Partner
from tests import factories as make

PROBLEM = "application/problem+json"
LINK_ERROR = ["Enter a whole number."]


def refused(answer: Any, status: int = 400) -> dict[str, Any]:
    """The problem's body, checked for what all problems have."""
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, answer["Content-Type"], body["status"]) == (status, PROBLEM, status)
    assert {"type", "title", "status", "detail"} - set(body) == set()
    return body


# --- parameters ---


KNOWN = "as_of, cursor, gone, limit, name, smart_account, status, virtual_account"
TOO_LARGE = "Ensure this value is less than or equal to 9223372036854775807."


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("nonsense=1", {"nonsense": [f"Unknown parameter. Known here: {KNOWN}."]}),
        ("virtual_account=many", {"virtual_account": LINK_ERROR}),
        ("virtual_account=1.5", {"virtual_account": LINK_ERROR}),
        ("virtual_account=0", {"virtual_account": ["Ensure this value is greater than or equal to 1."]}),
        ("virtual_account=9223372036854775808", {"virtual_account": [TOO_LARGE]}),
        ("virtual_account=", {"virtual_account": ["Give a value or leave the parameter out."]}),
        ("virtual_account=1&virtual_account=2", {"virtual_account": ["Give this parameter once."]}),
        ("gone=maybe", {"gone": ["Enter true or false."]}),
        ("status=good", {"status": ["Select a valid choice. good is not one of the available choices."]}),
        ("name=%00", {"name": ["Null characters are not allowed."]}),
        ("limit=0", {"limit": ["Enter a whole number of at least 1."]}),
        ("limit=-1", {"limit": ["Enter a whole number of at least 1."]}),
        ("limit=many", {"limit": ["Enter a whole number of at least 1."]}),
        (f"limit={'9' * 5000}", {"limit": ["Enter a whole number of at least 1."]}),
        ("cursor=broken", {"cursor": ["This is not a cursor of this list. Begin again without one."]}),
        ("cursor=%ff", {"cursor": ["This is not a cursor of this list. Begin again without one."]}),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_bad_parameters_are_named(acme: Partner, api_of: Any, query: str, errors: dict[str, list[str]]) -> None:
    assert refused(api_of(acme).get(f"/api/v1/licenses/?{query}"))["errors"] == errors


def test_one_object_takes_no_parameter(acme: Partner, api_of: Any) -> None:
    row = make.make_license()

    answer = api_of(acme).get(f"/api/v1/licenses/{row.pk}/?limit=1")

    assert refused(answer)["errors"] == {"limit": ["Unknown parameter. Known here: none."]}


# --- members ---


def test_unknown_member_is_refused_and_nothing_is_made(acme: Partner, api_of: Any) -> None:
    answer = api_of(acme).post("/api/v1/customers/", {"name": "Harbor", "naem": "x"})

    known = "name, note, proxy_host, proxy_password, proxy_port, proxy_username, tags"
    assert refused(answer)["errors"] == {"naem": [f"Unknown member. Members that can be set: {known}."]}
    assert Customer.objects.count() == 0


def test_members_of_the_mirror_cannot_be_set(acme: Partner, api_of: Any) -> None:
    pool = make.make_virtual_account(name="Pool")

    answer = api_of(acme).patch(f"/api/v1/virtual-accounts/{pool.pk}/", {"purpose": "ordered", "name": "Mine"})

    assert refused(answer)["errors"] == {"name": ["Only the portal sets this member."]}
    pool.refresh_from_db()
    assert (pool.name, pool.purpose) == ("Pool", "general")


def test_what_was_read_can_be_sent_back_whole(acme: Partner, api_of: Any) -> None:
    cluster = make.make_cluster()
    api, path = api_of(acme), f"/api/v1/clusters/{cluster.pk}/"
    shown = api.get(path).json()

    assert api.put(path, shown).json() == shown
    assert api.patch(path, shown).json() == shown


@pytest.mark.parametrize("value", [True, 1.5, "7", [7], {"id": 7}, "x", 0, -1, 10**30, None])
def test_links_are_ids_that_exist(acme: Partner, api_of: Any, value: Any) -> None:
    answer = api_of(acme).post("/api/v1/clusters/", {"name": "Main", "customer": value})

    assert list(refused(answer)["errors"]) == ["customer"]


def test_errors_of_parts_are_named_by_their_place(acme: Partner, api_of: Any) -> None:
    nodes = [{"host_name": "a.example"}, {"host_name": "b c", "role": "boss"}]

    answer = api_of(acme).post("/api/v1/clusters/", {"customer": make.make_customer().pk, "name": "X", "nodes": nodes})

    assert refused(answer)["errors"] == {
        "nodes.1.host_name": ["Enter a host name or an IP address, without scheme and port."],
        "nodes.1.role": ['"boss" is not a valid choice.'],
    }


def test_nested_errors_become_flat() -> None:
    detail = {
        "name": ["a", "b"],
        "nodes": [{}, {"host_name": ["c"], "non_field_errors": ["d"]}],
        "proxy": {"port": ["e"]},
    }

    assert flat(detail) == {"name": ["a", "b"], "nodes.1.host_name": ["c"], "nodes.1": ["d"], "proxy.port": ["e"]}
    assert flat(["whole"]) == {"non_field_errors": ["whole"]}


# --- bodies ---


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ('{"name": "Harbor", "name": "Meadow"}', "name"),
        ('{"name": "Harbor", "proxy_host": "proxy.example", "proxy_port": 1, "proxy_port": 2}', "proxy_port"),
        ('{"name": "Harbor", "tags": [{"a": 1, "a": 1}]}', "a"),
    ],
)
def test_of_a_member_that_comes_twice_neither_value_is_taken(
    acme: Partner, globex: Partner, api_of: Any, body: str, named: str
) -> None:
    with tenant_context(globex):
        make.make_customer(name="Harbor")

    answer = api_of(acme).post("/api/v1/customers/", body, content_type="application/json")

    assert refused(answer)["errors"] == {named: ["Give this member once."]}
    assert Customer.objects.count() == 0


NO_OBJECTS = ("[]", "null", '"text"', "7", "")
NO_JSON = ('{"name": ', "nan", '{"name": NaN}', '{"name": ' + "9" * 5000 + "}", b"\xff\xfe")
NO_NAMES = ('{"name": {"a": 1}}', '{"name": ["a"]}', '{"name": true}', '{"name": "' + "x" * 201 + '"}')
NO_TEXTS = ('{"name": "\\u0000"}', '{"name": "\\ud800"}')
TOO_DEEP = '{"name": ' + "[" * 100_000 + "]" * 100_000 + "}"


@pytest.mark.parametrize(
    "body",
    [*NO_OBJECTS, *NO_JSON, *NO_NAMES, *NO_TEXTS, TOO_DEEP],
    ids=lambda body: repr(body[:20]),
)
def test_malformed_bodies_are_400(acme: Partner, api_of: Any, body: str | bytes) -> None:
    answer = api_of(acme).post("/api/v1/customers/", body, content_type="application/json")

    assert isinstance(refused(answer)["errors"], dict)
    assert Customer.objects.count() == 0


def test_too_large_a_body_is_413(acme: Partner, api_of: Any) -> None:
    body = json.dumps({"name": "x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE})

    refused(api_of(acme).post("/api/v1/customers/", body, content_type="application/json"), 413)


def test_other_formats_are_neither_read_nor_written(acme: Partner, api_of: Any) -> None:
    api = api_of(acme)

    refused(api.post("/api/v1/customers/", "name=Harbor", content_type="application/x-www-form-urlencoded"), 415)
    refused(api.get("/api/v1/customers/", HTTP_ACCEPT="text/html"), 406)


# --- addresses and methods ---


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/licenses/0/",
        "/api/v1/licenses/9223372036854775807/",
        "/api/v1/licenses/9223372036854775808/",
        f"/api/v1/licenses/{'9' * 400}/",
        "/api/v1/licenses/x/",
        "/api/v1/nothing/",
        "/api/v2/",
        "/api/nothing",
    ],
)
@pytest.mark.parametrize("method", ["get", "post", "patch", "delete"])
def test_where_nothing_is_it_is_404(acme: Partner, api_of: Any, path: str, method: str) -> None:
    answer = getattr(api_of(acme), method)(path)

    if answer.status_code != 405:  # a number in the place of an id: the address is there, the method is not
        assert refused(answer, 404)["detail"] == "There is no such object."
    assert answer["Content-Type"] == PROBLEM


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("delete", "/api/v1/licenses/"),
        ("post", "/api/v1/licenses/"),
        ("put", "/api/v1/alerts/"),
        ("post", "/api/v1/"),
        ("options", "/api/v1/licenses/"),
        ("delete", "/api/v1/assignments/1/"),
    ],
)
@pytest.mark.parametrize("role", ["owner", "viewer"])
def test_methods_that_are_not_there_are_405(acme: Partner, api_of: Any, method: str, path: str, role: str) -> None:
    answer = getattr(api_of(acme, role), method)(path)

    refused(answer, 405)
    assert "GET" in answer["Allow"]


def test_missing_closing_slash_is_sent_on_with_the_body(acme: Partner, api_of: Any) -> None:
    answer = api_of(acme).post("/api/v1/customers?x=1", {"name": "Harbor"})

    assert (answer.status_code, answer["Location"]) == (308, "/api/v1/customers/?x=1")


def test_the_portals_own_error_is_a_problem_too(acme: Partner, api_of: Any) -> None:
    make.make_customer()
    api = api_of(acme)
    api.raise_request_exception = False
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE fleet_customer RENAME TO elsewhere")

    body = refused(api.get("/api/v1/customers/"), 500)

    assert body["detail"] == "The portal failed. The error has been logged."
    assert "fleet_customer" not in json.dumps(body)
