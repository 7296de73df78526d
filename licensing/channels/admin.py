"""Channels and deliveries: shown and tested; channels are made on the portal's pages, where their addresses go in."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from licensing.channels import channels
from licensing.channels.models import Channel, Delivery, DeliveryAttempt
from people.admin_site import ShownAdmin, ShownInline, partner_site


class ChannelAdmin(ShownAdmin):
    list_display = ("name", "kind", "enabled", "min_severity", "failures", "dead_since", "last_sent_at")
    list_filter = ("kind", "enabled", ("dead_since", admin.EmptyFieldListFilter))
    search_fields = ("name", "url_shown")
    actions = ("test_now",)

    @admin.action(description="Test now")
    def test_now(self, request: HttpRequest, rows: QuerySet[Channel]) -> None:
        self.act_on(request, rows, channels.test, "Tests sent")


class AttemptInline(ShownInline):
    model = DeliveryAttempt
    fields = ("started_at", "finished_at", "outcome", "answer")


class DeliveryAdmin(ShownAdmin):
    list_display = ("subject", "recipient", "channel", "kind", "state", "created_at", "sent_at")
    list_filter = ("state", "kind")
    list_select_related = ("channel",)
    search_fields = ("subject", "recipient", "uuid")
    inlines = (AttemptInline,)


partner_site.register(Channel, ChannelAdmin)
partner_site.register(Delivery, DeliveryAdmin)
