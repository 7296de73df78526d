"""Making partners: what is refused, and that a refusal leaves nothing behind."""

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from people.models import User
from tenants.commands import Refused
from tenants.models import Domain, Partner
from tenants.provisioning import NewPartner, create_partner


def create(schema: str, **options: Any) -> str:
    answer = StringIO()
    options = {"name": "Initech", "domain": "initech.localhost", "owner_email": "owner@initech.example", **options}
    call_command("create_partner", schema, stdout=answer, stderr=StringIO(), **options)
    return answer.getvalue().strip()


def registry() -> tuple[list[Any], list[Any], list[Any]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace ORDER BY 1")
        return list(Partner.objects.values_list()), list(Domain.objects.values_list()), cursor.fetchall()


@pytest.fixture
def left_over_schema(db: None) -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA oldpartner")
    return "oldpartner"


def test_create_partner_makes_a_partner_whose_owner_can_sign_in(committed: None, in_partner: Any) -> None:
    password = create("initech")

    partner = Partner.objects.get(schema_name="initech")
    assert (partner.name, partner.ready, partner.kind) == ("Initech", True, "partner")
    with in_partner("initech"):
        owner = User.objects.get()
    assert (owner.email, owner.role, owner.check_password(password)) == ("owner@initech.example", "owner", True)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ("public", "The schema name 'public' is reserved. Choose another one."),
        ("provider", "The schema name 'provider' is reserved. Choose another one."),
        ("information_schema", "The schema name 'information_schema' is reserved. Choose another one."),
        ("pg_toast", "The schema name 'pg_toast' is reserved. Choose another one."),
        ("acme", "Another partner has the schema name 'acme'."),
        *(
            (
                name,
                f"The schema name {name!r} is not allowed. Use 2 to 48 lower-case letters, digits and underscores, "
                "beginning with a letter.",
            )
            for name in ("a; drop", "Acme", "a", "1abc", "a" * 49, "a-b", 'a"b', "", "ä1")
        ),
    ],
)
def test_bad_schema_name_is_refused_and_changes_nothing(db: None, schema: str, reason: str) -> None:
    before = registry()

    with pytest.raises(Refused) as refusal:
        create(schema)

    assert str(refusal.value) == reason
    assert refusal.value.returncode == 2
    assert registry() == before


def test_schema_that_still_exists_in_the_database_is_refused(left_over_schema: str) -> None:
    before = registry()

    with pytest.raises(Refused) as refusal:
        create(left_over_schema)

    assert str(refusal.value) == (
        "A schema 'oldpartner' still exists in the database, and its data would become the new partner's. "
        "Choose another name, or rename or drop the old schema first."
    )
    assert registry() == before


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ({"domain": "globex.localhost"}, "The domain 'globex.localhost' belongs to another partner."),
        ({"domain": "GLOBEX.localhost."}, "The domain 'globex.localhost' belongs to another partner."),
        ({"domain": "no host"}, "Enter a host name such as acme.portal.example, without port."),
        ({"domain": "host:8000"}, "Enter a host name such as acme.portal.example, without port."),
        ({"owner_email": "owner"}, "'owner' is not an email address."),
        ({"name": " "}, "Enter a name for the partner."),
        ({"owner_password": "short"}, "This password is too short. It must contain at least 8 characters."),
    ],
)
def test_other_bad_input_is_refused_and_changes_nothing(db: None, option: dict[str, str], reason: str) -> None:
    before = registry()

    with pytest.raises(Refused) as refusal:
        create("initech", **option)

    assert str(refusal.value) == reason
    assert registry() == before


def test_what_fails_half_way_is_taken_back(committed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    before = registry()
    # A trigger would do; an e-mail longer than its column is simpler and fails after the migrations.
    long_email = "o" * 60 + "@" + ".".join(["x" * 60] * 4) + ".example"

    with pytest.raises(Exception, match="value too long"):
        create_partner(NewPartner("initech", "Initech", "initech.localhost", long_email), "a-long-password")

    assert registry() == before


def test_two_partners_share_no_table_with_public(acme: Partner, globex: Partner) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        public = {name for (name,) in cursor.fetchall()}
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'acme'")
        of_acme = {name for (name,) in cursor.fetchall()}

    assert public == {"django_migrations", "tenants_domain", "tenants_partner", "tenants_scheduledjob"}
    assert public & of_acme == {"django_migrations"}


def test_no_foreign_key_leaves_its_schema(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT conname FROM pg_constraint
            JOIN pg_class own ON own.oid = conrelid JOIN pg_class other ON other.oid = confrelid
            WHERE contype = 'f' AND own.relnamespace <> other.relnamespace
            """
        )
        assert cursor.fetchall() == []


def test_provider_schema_holds_no_licensing_table(provider: Partner) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'provider' AND tablename LIKE 'licensing%'")
        assert cursor.fetchone() == (0,)
