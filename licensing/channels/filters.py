"""Filters of the lists of channels and deliveries."""

import django_filters

from kit.filters import ListFilter, by_link
from licensing.alerts.models import Alert
from licensing.channels.models import Channel, Delivery, DeliveryQuerySet


class ChannelFilter(ListFilter):
    searched = ("name", "url_shown")
    placeholder = "Search name or address"
    kind = django_filters.ChoiceFilter(choices=Channel.Kind.choices, empty_label="Any")

    class Meta:
        model = Channel
        fields = ["q", "kind"]


class DeliveryFilter(ListFilter):
    searched = ("subject", "recipient")
    placeholder = "Search subject or recipient"
    state = django_filters.ChoiceFilter(choices=Delivery.State.choices, empty_label="Any")
    kind = django_filters.ChoiceFilter(choices=Delivery.Kind.choices, empty_label="Any")
    channel = by_link(Channel.objects.all(), "Channel")
    alert = by_link(Alert.objects.all(), "Alert", method="telling_of")

    class Meta:
        model = Delivery
        fields = ["q", "state", "kind", "channel", "alert"]

    def telling_of(self, rows: DeliveryQuerySet, name: str, value: Alert) -> DeliveryQuerySet:
        return rows.about(value)
