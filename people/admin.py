"""Show users, API tokens and the audit in the admin of a partner. tenants.admin reuses parts for the provider."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.password_validation import validate_password
from django.db.models import QuerySet
from django.http import HttpRequest

from people import audit, users
from people.admin_site import ShownAdmin, VerbAdmin, VerbForm, partner_site, secret_field
from people.models import ApiToken, AuditEntry, SavedFilter, User


class UserForm(VerbForm):
    password = secret_field("Password", help_text="Required for a new user. Leave empty to keep the password.")

    class Meta:
        model = User
        fields = ["email", "name", "role"]

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).strip().lower()

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not password and self.instance.pk is None:
            raise forms.ValidationError("Enter a first password for the new user.")
        if password:
            validate_password(password, self.instance)
        return password


class UserAdmin(VerbAdmin):
    form = UserForm
    fields: tuple[str, ...] = ("email", "name", "role", "password")
    list_display: tuple[str, ...] = ("email", "name", "role", "is_active", "last_login")
    list_filter: tuple[str, ...] = ("role", "is_active")
    search_fields = ("email", "name")
    actions = ("deactivate", "reactivate")

    def save_row(self, actor: audit.Actor, row: User, before: dict[str, Any] | None, form: Any) -> None:
        password = form.cleaned_data["password"]
        if before is None:
            users.add(actor, row, password)
            return
        users.change(actor, row, before)
        if password:
            users.reset_password(actor, row, password)

    @admin.action(description="Deactivate (users can no longer sign in)")
    def deactivate(self, request: HttpRequest, rows: QuerySet[User]) -> None:
        self.act_on(request, rows.filter(is_active=True), users.deactivate, "Deactivated")

    @admin.action(description="Reactivate")
    def reactivate(self, request: HttpRequest, rows: QuerySet[User]) -> None:
        self.act_on(request, rows.filter(is_active=False), users.reactivate, "Reactivated")


class ApiTokenAdmin(ShownAdmin):
    """Show API tokens. People create them on the portal's pages, which show the text once."""

    list_display = ("name", "user", "scope", "prefix", "created_at", "last_used_at", "expires_at", "revoked_at")
    list_filter = ("scope",)
    list_select_related = ("user",)
    search_fields = ("name", "user__email", "prefix")
    actions = ("revoke",)

    @admin.action(description="Revoke (tokens stop working at once)")
    def revoke(self, request: HttpRequest, rows: QuerySet[ApiToken]) -> None:
        self.act_on(request, rows.filter(revoked_at=None), users.revoke_token, "Revoked")


class AuditEntryAdmin(ShownAdmin):
    list_display = ("at", "actor", "action", "object_type", "object_label")
    list_filter = ("action", "object_type")
    search_fields = ("actor", "object_label", "object_id")
    list_select_related = ("user",)


partner_site.register(User, UserAdmin)
partner_site.register(ApiToken, ApiTokenAdmin)
partner_site.register(AuditEntry, AuditEntryAdmin)


class SavedFilterAdmin(ShownAdmin):
    list_display = ("name", "user", "page")
    list_select_related = ("user",)
    search_fields = ("name", "user__email")


partner_site.register(SavedFilter, SavedFilterAdmin)
