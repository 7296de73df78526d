"""Let the provider administer partners, their domains, their scheduled jobs, and its own staff.

Requests run in the provider's schema, which holds its people, sessions, admin log and audit. Writes to the registry go
through tenants.provisioning, which enters the public schema for that write alone.
"""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from unfold.decorators import display
from unfold.forms import ActionForm
from unfold.widgets import UnfoldAdminTextInputWidget

from kit.refusals import Refusal
from people import audit
from people.admin import AuditEntryAdmin, UserAdmin
from people.admin_site import PortalSite, ShownAdmin, ShownInline, VerbAdmin, VerbForm, secret_field
from people.models import AuditEntry, Role, User
from tenants import provisioning, watchdog
from tenants.models import Domain, Partner, ScheduledJob
from tenants.watchdog import since


class ProviderSite(PortalSite):
    """Let the provider's superusers administer partners, on the provider's host."""

    settings_name = "UNFOLD_PROVIDER"
    meant_for = "the provider's administrators"

    def has_permission(self, request: HttpRequest) -> bool:
        return isinstance(request.user, User) and request.user.is_active and request.user.is_superuser


provider_site = ProviderSite(name="admin")
HOST_HELP = "Host name without port, such as acme.portal.example."


class HostField(forms.CharField):
    """Turn a host name into the form of the registry: lower case, without a closing dot."""

    widget = UnfoldAdminTextInputWidget

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).lower().rstrip(".")


def text_field(label: str, **options: Any) -> forms.CharField:
    return forms.CharField(label=label, widget=UnfoldAdminTextInputWidget(), **options)


class NewPartnerForm(VerbForm):
    """Ask for what `create_partner` needs, and check it as the command does."""

    schema_name = text_field("Schema name", help_text="2 to 48 lower-case letters, digits and underscores.")
    domain = HostField(help_text=HOST_HELP)
    owner_email = text_field("Owner's email")
    owner_password = secret_field("Owner's first password")

    class Meta:
        model = Partner
        fields = ["name"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if not self.errors:
            self.new_partner(cleaned).check()
            provisioning.check_password(cleaned["owner_password"])
        return cleaned

    def _post_clean(self) -> None:
        """Build no row: `create_partner` creates it."""

    def new_partner(self, cleaned: dict[str, Any]) -> provisioning.NewPartner:
        return provisioning.NewPartner(
            schema=cleaned["schema_name"],
            name=cleaned["name"],
            domain=cleaned["domain"],
            owner_email=cleaned["owner_email"].strip().lower(),
        )


class SuspendForm(ActionForm):
    reason = forms.CharField(
        required=False,
        max_length=300,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "Reason for suspending", "aria-label": "Reason"}),
        label="",
    )


class DomainInline(ShownInline):
    model = Domain
    fields = ("domain", "is_primary")


class PartnerAdmin(VerbAdmin):
    """The admin of partners suspends and resumes them. It never deletes a row or a schema."""

    list_display = ("name", "schema_name", "kind", "state", "late", "suspended_reason", "created_at")
    list_filter = ("kind", "ready")
    search_fields = ("name", "schema_name", "domains__domain")
    fields = ("name", "schema_name", "kind", "ready", "suspended_at", "suspended_reason", "created_at")
    readonly_fields = ("schema_name", "kind", "ready", "suspended_at", "suspended_reason", "created_at")
    add_fieldsets = ((None, {"fields": ("name", "schema_name", "domain", "owner_email", "owner_password")}),)
    inlines = (DomainInline,)
    action_form = SuspendForm
    actions = ("suspend", "resume")

    @display(label={"Active": "success", "Suspended": "danger", "Being set up": "warning"})
    def state(self, partner: Partner) -> str:
        if not partner.ready:
            return "Being set up"
        return "Active" if partner.active else "Suspended"

    @admin.display(description="Late jobs")
    def late(self, partner: Partner) -> str:
        jobs = [job for job in partner.jobs.all() if watchdog.is_late(job)]
        return ", ".join(f"{job.job} since {since(job):%Y-%m-%d %H:%M}" for job in jobs) if partner.active else ""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Partner]:
        rows: QuerySet[Partner] = super().get_queryset(request).prefetch_related("jobs__partner")
        return rows

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs = {"form": NewPartnerForm, "fields": ["name"]}
        return super().get_form(request, obj, change=change, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields if obj else ()

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        """Create the partner outside the admin's transaction, because its migrations have their own."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = self.get_form(request)(request.POST) if request.method == "POST" else None
        if form and form.is_valid():
            return self._create(request, form)
        return super().add_view(request, form_url, extra_context)

    def _create(self, request: HttpRequest, form: NewPartnerForm) -> HttpResponse:
        try:
            new = form.new_partner(form.cleaned_data)
            partner = provisioning.create_partner(new, form.cleaned_data["owner_password"])
        except ValidationError as error:  # another request was quicker
            messages.error(request, " ".join(error.messages))
            return redirect("admin:tenants_partner_add")
        audit.record(audit.actor_of(request), "added", partner, changes={"domain": ["", new.domain]})
        self.log_addition(request, partner, [{"added": {}}])
        messages.success(request, f"{partner} is ready on {new.domain}. Its owner is {new.owner_email}.")
        return redirect("admin:tenants_partner_change", partner.pk)

    def save_row(self, actor: audit.Actor, row: Partner, before: dict[str, Any] | None, form: Any) -> None:
        if before is None:
            raise Refusal("The partner was not added.", "Try again.")
        provisioning.save_in_registry(row)
        audit.record(actor, "changed", row, before=before)

    @admin.action(description="Suspend (no sign-ins, no syncs, no alerts)")
    def suspend(self, request: HttpRequest, rows: QuerySet[Partner]) -> None:
        reason = request.POST.get("reason", "").strip()
        self.act_on(request, rows, lambda actor, row: _suspend(actor, row, reason), "Suspended")

    @admin.action(description="Resume")
    def resume(self, request: HttpRequest, rows: QuerySet[Partner]) -> None:
        self.act_on(request, rows.exclude(suspended_at=None), _resume, "Resumed")


def _suspend(actor: audit.Actor, partner: Partner, reason: str) -> None:
    if partner.kind == Partner.Kind.PROVIDER:
        raise Refusal("The provider cannot be suspended.", "Only its staff can resume partners.")
    if partner.suspended_at:
        raise Refusal(f"{partner} is already suspended.")
    before = audit.snapshot(partner)
    provisioning.suspend(partner, reason)
    audit.record(actor, "suspended", partner, before=before)


def _resume(actor: audit.Actor, partner: Partner) -> None:
    before = audit.snapshot(partner)
    provisioning.resume(partner)
    audit.record(actor, "resumed", partner, before=before)


class DomainForm(VerbForm):
    domain = HostField(help_text=HOST_HELP)

    class Meta:
        model = Domain
        fields = ["tenant", "domain", "is_primary"]
        labels = {"tenant": "Partner"}


class DomainAdmin(VerbAdmin):
    """The admin of domains adds and deletes host names. It never moves one to another partner."""

    form = DomainForm
    fields = ("tenant", "domain", "is_primary")
    list_display = ("domain", "partner", "is_primary")
    list_select_related = ("tenant",)
    search_fields = ("domain", "tenant__name")
    deletable = True

    @admin.display(description="Partner", ordering="tenant__name")
    def partner(self, row: Domain) -> str:
        return str(row.tenant)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("tenant", "domain") if obj else ()

    def save_row(self, actor: audit.Actor, row: Domain, before: dict[str, Any] | None, form: Any) -> None:
        provisioning.save_in_registry(row)
        audit.record(actor, "changed" if before else "added", row, before=before)

    def delete_row(self, actor: audit.Actor, row: Domain) -> None:
        if not Domain.objects.filter(tenant=row.tenant).exclude(pk=row.pk).exists():
            raise Refusal(f"{row} is the only domain of {row.tenant}.", "Add another one first.")
        audit.record(actor, "deleted", row, changes={})
        provisioning.delete_domain(row)


class ScheduledJobAdmin(ShownAdmin):
    """The admin of scheduled jobs lists them by the time of their next run."""

    list_display = ("job", "partner", "subject_id", "every", "next_run_at", "last_sent_at", "last_done_at", "state")
    list_filter = ("job",)
    list_select_related = ("partner",)
    search_fields = ("partner__name", "partner__schema_name")

    @display(label={"Planned": "info", "Due": "warning", "Late": "danger", "Waits: suspended": "danger"})
    def state(self, job: ScheduledJob) -> str:
        if not job.partner.active:
            return "Waits: suspended"
        if watchdog.is_late(job):
            return "Late"
        return "Due" if job.next_run_at <= timezone.now() else "Planned"


class StaffAdmin(UserAdmin):
    """Manage the provider's staff, who are all administrators."""

    fields = ("email", "name", "password")
    list_display = ("email", "name", "is_active", "last_login")
    list_filter = ("is_active",)

    def save_row(self, actor: audit.Actor, row: User, before: dict[str, Any] | None, form: Any) -> None:
        row.role, row.is_superuser = Role.OWNER, True
        super().save_row(actor, row, before, form)


provider_site.register(Partner, PartnerAdmin)
provider_site.register(Domain, DomainAdmin)
provider_site.register(ScheduledJob, ScheduledJobAdmin)
provider_site.register(User, StaffAdmin)
provider_site.register(AuditEntry, AuditEntryAdmin)
