"""The schema: valid, complete, and true for whatever a generator thinks of."""

import re
from typing import Any

import pytest
import schemathesis
from django_tenants.utils import tenant_context
from drf_spectacular.validation import validate_schema
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from people.models import ApiToken, User
from portal.rest.urls import COLLECTIONS
from portal.wsgi import application
from tenants.models import Partner
from tests import factories as make

BESIDE = {"", "what-if", "errands"}  # what is no collection
ID = 4711
PROBLEM = "application/problem+json"
# What is asked here may not be there to be told, although its row is.
REFUSED = {
    ("/api/v1/licenses/{id}/explanation/", "get"),
    ("/api/v1/smart-accounts/{id}/auto-registration/", "get"),
}
# What needs a worker, or Cisco itself, and can find neither.
UNAVAILABLE = {
    ("/api/v1/registration-tokens/", "post"),
    ("/api/v1/virtual-accounts/", "post"),
    ("/api/v1/virtual-accounts/{id}/", "delete"),
}
UNAVAILABLE_ACTIONS = (
    "/replace/",
    "/sync/",
    "/check/",
    "/channels/{id}/test/",
    "/execute/",
    "/remove/",
    "/transfer/",
    "/revoke/",
)
SECRET_MEMBERS = {"client_secret", "proxy_password"}
LINKS = {"customer", "cluster", "license_server", "smart_account", "virtual_account"}
# Left out: that whatever fits the schema is accepted. Rules say no to some of it, and rightly.
CHECKED = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
EXAMPLES = 4  # of each operation, once fitting the schema and once not


@pytest.fixture
def program(committed: None, emulator: Any, settings: Any) -> dict[str, str]:
    """Headers of an owner's token, at a partner with a row of everything, all of them number 1."""
    settings.REQUEST_WAIT_SECONDS = 0  # no worker is there to wait for
    emulator.state.add("acme.example", "Acme")
    with tenant_context(Partner.objects.get(schema_name="acme")):
        server = make.make_server(id=ID, api_base_url=emulator.base_url, token_url=emulator.token_url)
        account = make.make_smart_account(id=ID, license_server=server, domain="acme.example")
        pool = make.make_virtual_account(id=ID, smart_account=account, name="DEFAULT")
        cluster = make.make_cluster(id=ID, customer=make.make_customer(id=ID))
        make.make_line(license=make.make_license(id=ID, virtual_account=pool))
        make.make_instance({"A": 1}, id=ID, virtual_account=pool, cluster=cluster)
        make.make_assignment(id=ID, cluster=cluster, virtual_account=pool)
        make.make_token(id=ID, virtual_account=pool)
        make.make_plan(id=ID)
        make.make_overage(id=ID)
        make.make_sync_run(id=ID, smart_account=account)
        make.make_alert(id=ID)
        _, text = ApiToken.issue(User.objects.get(role="owner"), "generator", "write")
    return {"Authorization": f"Bearer {text}", "Host": "acme.localhost"}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fitting", "not fitting"])
def test_whatever_is_sent_is_answered_as_the_schema_says(program: dict[str, str], mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/schema/?format=json", application, headers=program)
    operations = [found.ok() for found in schema.get_all_operations()]
    for operation in operations:
        ask(operation, mode, program)

    collections = {operation.path.split("/")[3] for operation in operations}
    assert collections == {*COLLECTIONS, *BESIDE}


def ask(operation: Any, mode: GenerationMode, headers: dict[str, str]) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case: Any) -> None:
        if mode == GenerationMode.POSITIVE:
            point_at_rows(case)
        case.validate_response(case.call(headers=headers), checks=CHECKED)

    call()


def point_at_rows(case: Any) -> None:
    """Links and ids lead somewhere, so that more is reached than 404."""
    case.path_parameters = dict.fromkeys(case.path_parameters or {}, ID)
    if isinstance(case.body, dict):
        case.body = {name: ID if name in LINKS and value else value for name, value in case.body.items()}


def test_schema_is_valid_and_names_the_errors_of_every_operation(acme: Partner, api_of: Any) -> None:
    schema = api_of(acme).get("/api/schema/?format=json").json()

    validate_schema(schema)
    operations = {
        (path, method): operation["responses"]
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    }
    assert {path.split("/")[3] for path, _ in operations} == {*COLLECTIONS, *BESIDE}
    for (path, method), responses in operations.items():
        expected = {"400", "401", "403", "406"}
        expected |= {"404"} if "{id}" in path or "{key}" in path else set()
        expected |= {"409", "413", "415"} if method != "get" else set()
        expected |= {"409"} if (path, method) in REFUSED else set()
        expected |= {"503"} if path.endswith(UNAVAILABLE_ACTIONS) or (path, method) in UNAVAILABLE else set()
        assert {status for status in responses if status >= "400"} == expected, (path, method)


def test_actions_that_take_no_body_refuse_one(acme: Partner, api_of: Any) -> None:
    """Before they look at the row: what is sent to a future one cannot be lost either."""
    api = api_of(acme)
    paths = api.get("/api/schema/?format=json").json()["paths"]
    bodiless = [
        path for path, operations in paths.items() if "requestBody" not in operations.get("post", {"requestBody": 1})
    ]

    for path in bodiless:
        answer = api.post(path.replace("{id}", str(ID)), {"override_reason": "They wait for it."})
        assert (path, answer.status_code) == (path, 400)
        assert list(answer.json()["errors"]) == ["override_reason"]
    assert len(bodiless) > 10


def test_schema_hides_what_is_write_only(acme: Partner, api_of: Any) -> None:
    parts = api_of(acme).get("/api/schema/?format=json").json()["components"]["schemas"]

    shown = {name for name, part in parts.items() for member in part.get("properties", {}) if member in SECRET_MEMBERS}
    assert shown == {
        "LicenseServerRequest",
        "PatchedLicenseServerRequest",
        "SmartAccountRequest",
        "PatchedSmartAccountRequest",
        "CustomerRequest",
        "PatchedCustomerRequest",
        "ClusterRequest",
        "PatchedClusterRequest",
    }


def test_schema_and_docs_open_for_tokens_and_signed_in_people_alone(acme: Partner, api_of: Any, client_of: Any) -> None:
    program, person, nobody = api_of(acme, "viewer", "read"), client_of(acme, "viewer"), client_of(acme)

    assert [program.get(path).status_code for path in ("/api/schema/", "/api/docs/")] == [200, 200]
    assert [person.get(path).status_code for path in ("/api/schema/", "/api/docs/")] == [200, 200]
    assert (nobody.get("/api/schema/").status_code, nobody.get("/api/schema/")["Content-Type"]) == (401, PROBLEM)
    assert nobody.get("/api/docs/")["Location"] == "/accounts/login/?next=/api/docs/"


def test_docs_load_nothing_from_other_hosts(acme: Partner, client_of: Any) -> None:
    page = client_of(acme, "viewer").get("/api/docs/").content.decode()

    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert loaded
    assert [address for address in loaded if not address.startswith(("/static/", "/api/docs/?script="))] == []


def test_a_session_opens_no_collection(acme: Partner, client_of: Any) -> None:
    """A page of another site could send its cookie along."""
    assert client_of(acme, "owner").get("/api/v1/customers/").status_code == 401
