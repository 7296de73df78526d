"""Provide what both admin sites need: access, writes that call verbs, and read-only tables.

The admin has no rules of its own. A change calls the same function as page and REST do, which checks and audits. The
form shows a refusal, and then nothing has changed.
"""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from allauth.account.views import logout as account_logout
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from unfold.admin import ModelAdmin, TabularInline
from unfold.sites import UnfoldAdminSite
from unfold.widgets import UnfoldAdminPasswordWidget

from kit.broker import BrokerUnavailable
from kit.refusals import Refusal
from people import audit
from people.gate import Need, may


class PortalSite(UnfoldAdminSite):
    """Send people to the portal's pages to sign in, sign out and change passwords.

    The portal limits and audits those.
    """

    meant_for = ""

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        wanted = request.GET.get("next", "")
        if not url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
            wanted = reverse("admin:index")
        if not request.user.is_authenticated:
            return redirect_to_login(wanted, reverse("account_login"))
        if not self.has_permission(request):
            raise PermissionDenied(f"Only {self.meant_for} can open the admin site. Ask one of them.")
        return HttpResponseRedirect(wanted)

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return account_logout(request)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return redirect("account_change_password")


class PartnerSite(PortalSite):
    """Let a partner's owners administer the partner, on its host."""

    meant_for = "owners"

    def has_permission(self, request: HttpRequest) -> bool:
        return may(request.user, Need.OWN)


partner_site = PartnerSite(name="admin")


class VerbForm(forms.ModelForm):
    """Show the refusal of a verb at the field at fault."""

    refusal: ClassVar[Refusal | None] = None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.refusal:
            self.add_error(self.refusal.field if self.refusal.field in self.fields else None, str(self.refusal))
        return cleaned


class VerbAdmin(ModelAdmin):
    """Save and delete through `save_row` and `delete_row`, which call verbs.

    It does not delete several rows at once, because a refusal would leave some of them deleted.
    """

    form = VerbForm
    deletable = False
    goes_with_it = ""  # what a deletion removes too, in words
    show_full_result_count = False
    list_per_page = 50

    def save_row(self, actor: audit.Actor, row: Any, before: dict[str, Any] | None, form: Any) -> None:
        """Save a row. `before`: audit.snapshot of the stored row, None for a new one."""
        raise NotImplementedError

    def delete_row(self, actor: audit.Actor, row: Any) -> None:
        raise NotImplementedError

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        before = audit.snapshot(self.model._default_manager.get(pk=obj.pk)) if change else None
        self.save_row(audit.actor_of(request), obj, before, form)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.delete_row(audit.actor_of(request), obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.deletable and super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.refusal = getattr(request, "refusal", None)
        return form

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Show the form again after a refusal, with what was typed."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except Refusal as refusal:
            request.refusal = refusal  # type: ignore[attr-defined]
            return super().changeform_view(request, *args, **kwargs)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        try:
            return super().delete_view(request, object_id, extra_context)
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", object_id)

    def get_deleted_objects(self, objs: Iterable[Any], request: HttpRequest) -> tuple[list[str], dict, set, list]:
        """Name only the row itself. The verb decides whether it may be deleted, and what goes with it."""
        rows = list(objs)
        what = [str(row) for row in rows] + ([self.goes_with_it] if self.goes_with_it else [])
        return what, {self.opts.verbose_name_plural: len(rows)}, set(), []

    def act_on(self, request: HttpRequest, rows: Iterable[Any], verb: Callable[..., Any], done: str) -> None:
        """Call `verb(actor, row)` for each row of a list action, and show each refusal."""
        actor, count = audit.actor_of(request), 0
        for row in rows:
            try:
                with transaction.atomic():
                    verb(actor, row)
                count += 1
            except (Refusal, BrokerUnavailable) as error:
                messages.error(request, str(error))
        if count:
            messages.success(request, f"{done}: {count}.")


class ShownAdmin(VerbAdmin):
    """Show rows that people do not write: mirrored from Cisco, or history.

    `own_fields` are the columns that people set about them.
    """

    own_fields: tuple[str, ...] = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(self.own_fields) and super().has_change_permission(request, obj)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [name for name in shown_columns(self.model) if name not in self.own_fields] + [*self.own_fields]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [name for name in self.get_fields(request, obj) if name not in self.own_fields]


class ShownInline(TabularInline):
    """Show the parts of a row, read-only."""

    extra = 0
    hide_title = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def shown_columns(model: type[models.Model]) -> list[str]:
    """Return the columns of a model without ids, digests, fingerprints and secrets."""
    columns = [field for field in model._meta.concrete_fields if not getattr(field, "secret", False)]
    hidden = {"id", "uuid", "fingerprint", *audit.SECRET_NAMES}
    return [field.name for field in columns if field.name not in hidden and not field.name.endswith("_digest")]


def secret_field(label: str, **options: Any) -> forms.CharField:
    """Return a field whose value is written and never shown."""
    widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    return forms.CharField(label=label, required=False, strip=False, widget=widget, **options)
