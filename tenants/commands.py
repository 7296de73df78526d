"""Provide the bases of the management commands.

Exit status 0 means done, 1 failed, 2 refused input. Standard output holds JSON alone.
"""

import json
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.utils import InterfaceError, OperationalError
from django_tenants.utils import schema_context, tenant_context
from redis.exceptions import ConnectionError as RedisConnectionError

from tenants.models import Partner
from tenants.provisioning import NewPartner, check_password, create_partner

SERVERS_DOWN = "The database does not answer. Start the servers with `make run`, or set DATABASE_URL."
BROKER_DOWN = "The broker does not answer. Start the servers with `make run`, or set REDIS_URL."


class Refused(CommandError):
    """The command refuses its input and exits with status 2."""

    def __init__(self, message: str) -> None:
        super().__init__(message, returncode=2)


class PortalCommand(BaseCommand):
    """Say in one sentence when the servers are not running."""

    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def execute(self, *args: Any, **options: Any) -> Any:
        with plain_errors():
            return super().execute(*args, **options)

    def say(self, text: str) -> None:
        """Write words for people to standard error; standard output belongs to the answer."""
        self.stderr.write(text, lambda line: line)

    def answer(self, value: object) -> None:
        self.stdout.write(json.dumps(value, default=str))


class PartnerCommand(PortalCommand):
    """Run a command for one partner. Subclasses define `handle_partner`, which runs in the partner's schema."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("schema", help="The partner's schema name.")

    def handle(self, *args: Any, **options: Any) -> None:
        with schema_context("public"):
            partner = Partner.objects.partners().filter(schema_name=options["schema"]).first()
        if partner is None:
            raise Refused(f"There is no partner {options['schema']!r}.")
        if not partner.active:
            raise Refused(f"Partner {partner.schema_name!r} is {'suspended' if partner.ready else 'not set up yet'}.")
        with tenant_context(partner):
            self.handle_partner(**options)

    def handle_partner(self, **options: Any) -> None:
        raise NotImplementedError


class NewSchemaCommand(PortalCommand):
    """Create a schema with its host and its first user."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--domain", required=True, help="Host name, without port.")
        parser.add_argument("--owner-email", required=True)
        parser.add_argument("--owner-password", help="If omitted, a password is generated and printed once.")

    def create(
        self,
        schema: str,
        options: dict[str, Any],
        kind: Partner.Kind = Partner.Kind.PARTNER,
        *,
        superuser: bool = False,
    ) -> NewPartner:
        """Create the partner and return what was asked for. `options`: those of the command line, including `name`."""
        given = options["owner_password"]
        if given:
            check_password(given)
        domain, email = options["domain"].lower().rstrip("."), options["owner_email"].strip().lower()
        new = NewPartner(schema, options["name"], domain, email, kind)
        password = given or secrets.token_urlsafe(12)
        create_partner(new, password, superuser=superuser)
        if not given:
            self.say(f"Standard output shows the password of {email} this one time.")
            self.stdout.write(password)
        return new


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn errors that users can meet into one sentence and the exit status that goes with it."""
    try:
        yield
    except ValidationError as error:
        raise Refused(" ".join(error.messages)) from None
    except (OperationalError, InterfaceError) as error:
        raise CommandError(_describe_database_error(error)) from None
    except RedisConnectionError:
        raise CommandError(BROKER_DOWN) from None


def _describe_database_error(error: Exception) -> str:
    if "does not exist" in str(error):
        return "The database is not set up yet. Run `manage.py setup_portal` or `make run`."
    return SERVERS_DOWN


def fail(message: str) -> NoReturn:
    """Write a message to standard error and exit with status 1, after an answer has been printed."""
    sys.stderr.write(message + "\n")
    raise SystemExit(1)
