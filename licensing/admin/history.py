"""Syncs, what they changed, and what each license was on each day."""

from licensing.models import Change, SyncRun, UsageSample
from people.admin_site import ShownAdmin, partner_site


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
