"""Create partners and make the few other writes to the registry. All of them work in the public schema."""

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.validators import validate_email
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.utils import timezone
from django_tenants.utils import schema_context, schema_exists, tenant_context

from tenants import schedule
from tenants.content_types import forget_content_types
from tenants.models import Domain, Partner, check_schema_name


@dataclass(frozen=True, slots=True)
class NewPartner:
    """This request asks for a new partner. `check` says whether it can be created."""

    schema: str
    name: str
    domain: str
    owner_email: str
    kind: str = Partner.Kind.PARTNER

    def check(self) -> None:
        """Raise ValidationError with every reason why the partner cannot be created."""
        problems: list[str] = []
        for step in (self._check_schema, self._check_name, self._check_domain, self._check_email):
            try:
                step()
            except ValidationError as error:
                problems += error.messages
        if problems:
            raise ValidationError(problems)

    def _check_schema(self) -> None:
        if self.kind == Partner.Kind.PARTNER:
            check_schema_name(self.schema)
        if Partner.objects.filter(schema_name__iexact=self.schema).exists():
            raise ValidationError(f"Another partner has the schema name {self.schema!r}.")
        if schema_exists(self.schema):
            raise ValidationError(
                f"A schema {self.schema!r} still exists in the database, and its data would become the new partner's. "
                "Choose another name, or rename or drop the old schema first."
            )

    def _check_name(self) -> None:
        if not self.name.strip():
            raise ValidationError("Enter a name for the partner.")

    def _check_domain(self) -> None:
        domain = Domain(domain=self.domain)
        domain.clean_fields(exclude=["tenant"])
        if Domain.objects.filter(domain=self.domain).exists():
            raise ValidationError(f"The domain {self.domain!r} belongs to another partner.")

    def _check_email(self) -> None:
        try:
            validate_email(self.owner_email)
        except ValidationError:
            raise ValidationError(f"{self.owner_email!r} is not an email address.") from None


def create_partner(new: NewPartner, password: str, *, superuser: bool = False) -> Partner:
    """Create schema, tables and owner. The partner is routed and scheduled only when all of it is there.

    Raises ValidationError with clear reasons, and undoes what was begun.
    """
    with schema_context("public"):
        new.check()
        partner = _register(new)
        try:
            _create_schema(partner)
        except BaseException:
            partner.delete()
            raise
        try:
            _fill_schema(partner, new.owner_email, password, superuser)
        except BaseException:
            connection.set_schema_to_public()
            partner.delete(force_drop=True)  # only here: this schema is ours
            raise
    return partner


def check_password(password: str) -> None:
    """Raise ValidationError with the password rules that this password breaks."""
    validate_password(password)


def suspend(partner: Partner, reason: str) -> None:
    """Suspend a partner: until `resume`, no user gets in and no work is done. The data stays."""
    _update(partner, suspended_at=timezone.now(), suspended_reason=reason[:300])


def resume(partner: Partner) -> None:
    _update(partner, suspended_at=None, suspended_reason="")
    with schema_context("public"):
        partner.jobs.update(last_done_at=timezone.now())  # jobs that did not run meanwhile are not late


def save_in_registry(row: Partner | Domain) -> None:
    """Save a row of the registry from any schema; the provider's admin runs in its own."""
    with schema_context("public"):
        row.save()


def delete_domain(domain: Domain) -> None:
    with schema_context("public"):
        domain.delete()


def _update(partner: Partner, **values: object) -> None:
    with schema_context("public"):
        Partner.objects.filter(pk=partner.pk).update(**values)
    for name, value in values.items():
        setattr(partner, name, value)


def _register(new: NewPartner) -> Partner:
    """Save the row first, which reserves the name: of two requests at once, one gets a clear refusal."""
    try:
        with transaction.atomic():
            partner = Partner(schema_name=new.schema, name=new.name.strip(), kind=new.kind)
            partner.save()
            Domain.objects.create(domain=new.domain, tenant=partner)
    except IntegrityError:
        raise ValidationError("Another partner with this schema name or domain was created just now.") from None
    return partner


def _create_schema(partner: Partner) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE SCHEMA "{partner.schema_name}"')  # the name has passed check_schema_name
    except ProgrammingError:
        raise ValidationError(f"A schema {partner.schema_name!r} was created in the database just now.") from None


def _fill_schema(partner: Partner, owner_email: str, password: str, superuser: bool) -> None:
    forget_content_types(partner.schema_name)
    call_command("migrate_schemas", tenant=True, schema_name=partner.schema_name, interactive=False, verbosity=0)
    with tenant_context(partner):
        users = get_user_model().objects
        users.create_user(email=owner_email, password=password, role="owner", is_superuser=superuser)
        if partner.kind == Partner.Kind.PARTNER:
            for job, every in settings.PARTNER_JOBS.items():
                schedule.plan(job, every)
    connection.set_schema_to_public()
    partner.ready = True
    partner.save(update_fields=["ready"])
