"""Show the mirrored tables in the admin, and let people edit the columns that are the partner's own."""

from typing import Any

from licensing.assignments import pool_settings
from licensing.fleet import matching
from licensing.mirror.models import (
    Change,
    CssmAlert,
    InstanceUsage,
    License,
    LicenseLine,
    ProductInstance,
    RegistrationToken,
    SyncRun,
    UsageSample,
    VirtualAccount,
)
from people import audit
from people.admin_site import ShownAdmin, ShownInline, partner_site


class CssmAlertAdmin(ShownAdmin):
    list_display = ("type", "severity", "source", "virtual_account", "smart_account", "seen_at")
    list_filter = ("severity", "smart_account")
    list_select_related = ("smart_account",)
    search_fields = ("type", "source", "message")


partner_site.register(CssmAlert, CssmAlertAdmin)


class SyncRunAdmin(ShownAdmin):
    list_display = ("smart_account", "status", "requested_by", "queued_at", "finished_at", "changed", "reason")
    list_filter = ("status", "reason", "smart_account")
    list_select_related = ("smart_account",)
    search_fields = ("cause", "requested_by")


class ChangeAdmin(ShownAdmin):
    list_display = ("at", "kind", "object_type", "label")
    list_filter = ("kind", "object_type")
    search_fields = ("label",)


class UsageSampleAdmin(ShownAdmin):
    list_display = ("day", "license", "quantity", "in_use", "available", "reserved")
    list_select_related = ("license",)
    search_fields = ("license__name",)


partner_site.register(SyncRun, SyncRunAdmin)
partner_site.register(Change, ChangeAdmin)
partner_site.register(UsageSample, UsageSampleAdmin)


class VirtualAccountAdmin(ShownAdmin):
    own_fields = VirtualAccount.OWN
    list_display = ("name", "smart_account", "purpose", "license_mode", "is_default", "gone_at")
    list_filter = ("purpose", "license_mode", "smart_account")
    list_select_related = ("smart_account",)
    search_fields = ("name", "description")

    def save_row(self, actor: audit.Actor, row: VirtualAccount, before: dict[str, Any] | None, form: Any) -> None:
        pool_settings.save_virtual_account(actor, VirtualAccount.objects.get(pk=row.pk), form.cleaned_data)


class LicenseLineInline(ShownInline):
    model = LicenseLine
    fields = ("type", "quantity", "start", "end", "subscription_id", "status")


class LicenseAdmin(ShownAdmin):
    list_display = ("name", "virtual_account", "quantity", "in_use", "available", "status", "gone_at")
    list_filter = ("status", "virtual_account__smart_account")
    list_select_related = ("virtual_account",)
    search_fields = ("name", "virtual_account__name")
    inlines = (LicenseLineInline,)


class InstanceUsageInline(ShownInline):
    model = InstanceUsage
    fields = ("license_name", "quantity")


class ProductInstanceAdmin(ShownAdmin):
    own_fields = ProductInstance.OWN
    autocomplete_fields = ("cluster",)
    list_display = ("__str__", "virtual_account", "udi_pid", "status", "last_contact_at", "cluster", "gone_at")
    list_filter = ("udi_pid", "status", "virtual_account__smart_account")
    list_select_related = ("virtual_account", "cluster")
    search_fields = ("host_name", "name", "serial")
    inlines = (InstanceUsageInline,)

    def save_row(self, actor: audit.Actor, row: ProductInstance, before: dict[str, Any] | None, form: Any) -> None:
        """Save the instance. Clearing the box takes a decision back; a cluster that is chosen now is one."""
        wanted = {name: form.cleaned_data[name] for name in form.changed_data}
        if "cluster" in wanted:
            wanted["cluster_by_hand"] = True
        matching.save_product_instance(actor, ProductInstance.objects.get(pk=row.pk), wanted)


class RegistrationTokenAdmin(ShownAdmin):
    list_display = (
        "__str__",
        "virtual_account",
        "expires_at",
        "export_controlled",
        "uses",
        "uses_allowed",
        "made_here",
        "created_by",
        "gone_at",
    )
    list_filter = ("export_controlled", "made_here")
    list_select_related = ("virtual_account",)
    search_fields = ("description", "created_by")


partner_site.register(VirtualAccount, VirtualAccountAdmin)
partner_site.register(License, LicenseAdmin)
partner_site.register(ProductInstance, ProductInstanceAdmin)
partner_site.register(RegistrationToken, RegistrationTokenAdmin)
