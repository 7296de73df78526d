"""Show license servers and smart accounts in the admin."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from licensing.accounts import clients, servers, smart_accounts
from licensing.accounts.models import LicenseServer, SmartAccount
from licensing.operations import lifecycle, removal, syncing
from people import audit
from people.admin_site import VerbAdmin, VerbForm, partner_site, secret_field

KEEP = "Never shown. Leave empty to keep the stored secret."


class LicenseServerForm(VerbForm):
    new_secret = secret_field("Client secret", help_text=KEEP)

    class Meta:
        model = LicenseServer
        fields = LicenseServer.OWN


class LicenseServerAdmin(VerbAdmin):
    form = LicenseServerForm
    readonly_fields = ("check_status", "check_message", "checked_at", "certificate_not_after")
    fields = (*LicenseServer.OWN, "new_secret", *readonly_fields)
    list_display = ("name", "kind", "api_base_url", "version", "check_status", "checked_at", "verify_tls")
    list_filter = ("kind", "check_status", "verify_tls")
    search_fields = ("name", "api_base_url")
    actions = ("test_connection",)
    deletable = True

    def save_row(self, actor: audit.Actor, row: LicenseServer, before: dict[str, Any] | None, form: Any) -> None:
        if form.cleaned_data["new_secret"]:
            row.client_secret = form.cleaned_data["new_secret"]
        servers.save_server(actor, row, before)

    def delete_row(self, actor: audit.Actor, row: LicenseServer) -> None:
        removal.delete_server(actor, row)

    @admin.action(description="Test connection")
    def test_connection(self, request: HttpRequest, rows: QuerySet[LicenseServer]) -> None:
        self.act_on(request, rows, lambda _, row: clients.start_check(row), "Connection tests started")


class SmartAccountForm(VerbForm):
    new_secret = secret_field("Client secret", help_text=KEEP)

    class Meta:
        model = SmartAccount
        fields = ["license_server", "domain", *SmartAccount.OWN, "client_id"]
        help_texts = {"client_id": "Leave empty to use the license server's credentials."}


class SmartAccountAdmin(VerbAdmin):
    form = SmartAccountForm
    fields = (*SmartAccountForm.Meta.fields, "new_secret", "account_type", "paused_at", "last_synced_at")
    readonly_fields = ("account_type", "paused_at", "last_synced_at")
    list_display = ("__str__", "domain", "license_server", "sync_every", "last_synced_at", "paused_at")
    list_filter = ("license_server",)
    list_select_related = ("license_server",)
    search_fields = ("name", "domain")
    actions = ("sync_now", "pause", "resume")
    deletable = True
    goes_with_it = "All mirrored data, and the history of its ended assignments. Nothing changes at Cisco."

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.readonly_fields, "license_server", "domain") if obj else self.readonly_fields

    def save_row(self, actor: audit.Actor, row: SmartAccount, before: dict[str, Any] | None, form: Any) -> None:
        secret = form.cleaned_data["new_secret"]
        if before is None:
            self._add(actor, row, secret)
            return
        if row.client_id != before["client_id"] or secret:
            client_id = row.client_id
            row.client_id = before["client_id"]
            servers.change_secret(actor, row, client_id, secret)
        smart_accounts.save_smart_account(actor, row, {**before, "client_id": row.client_id})

    def _add(self, actor: audit.Actor, row: SmartAccount, secret: str) -> None:
        own = {name: getattr(row, name) for name in SmartAccount.OWN if name != "name" or row.name}
        credentials = {"client_id": row.client_id, "client_secret": secret}
        added = smart_accounts.add_smart_account(actor, row.license_server, row.domain, **own, **credentials)
        row.pk = added.pk
        row.refresh_from_db()

    def delete_row(self, actor: audit.Actor, row: SmartAccount) -> None:
        lifecycle.remove(actor, row)

    @admin.action(description="Sync now")
    def sync_now(self, request: HttpRequest, rows: QuerySet[SmartAccount]) -> None:
        self.act_on(request, rows, lambda actor, row: syncing.start_sync(row, actor.label), "Syncs started")

    @admin.action(description="Pause (no syncs, no alerts)")
    def pause(self, request: HttpRequest, rows: QuerySet[SmartAccount]) -> None:
        self.act_on(request, rows, lifecycle.pause, "Paused")

    @admin.action(description="Resume")
    def resume(self, request: HttpRequest, rows: QuerySet[SmartAccount]) -> None:
        self.act_on(request, rows, lifecycle.resume, "Resumed")


partner_site.register(LicenseServer, LicenseServerAdmin)
partner_site.register(SmartAccount, SmartAccountAdmin)
