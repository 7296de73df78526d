"""Tables of channels and of what was delivered."""

import django_tables2 as tables
from django.utils.safestring import SafeString

from kit.tables import LinkColumn, NumberColumn, PortalTable, SinceColumn, TitleColumn
from kit.templatetags.components import badge
from kit.wording import shorten
from licensing.channels.models import Channel, Delivery
from licensing.channels.templatetags.deliveries import delivery_badge

STATES = {"on": ("active", "Works"), "dead": ("failed", "Does not work"), "off": ("inactive", "Off")}


def channel_badge(channel: Channel) -> SafeString:
    value, label = STATES[channel.state]
    if channel.state == "on" and not channel.last_sent_at:
        value, label = "unknown", "Nothing sent yet"
    return badge(value, label)


def where_to(channel: Channel) -> str:
    """Recipients or the visible part of the address, in a line."""
    if channel.kind != Channel.Kind.MAIL:
        return channel.url_shown
    return shorten(channel.addressees(), 2)


class ChannelTable(PortalTable):
    name = TitleColumn("channel", below=where_to, verbose_name="Channel")
    kind = tables.Column()
    min_severity = tables.Column(verbose_name="At least")
    digest_at = tables.Column(verbose_name="When", empty_values=())
    last_sent_at = SinceColumn(verbose_name="Last sent")
    state = tables.Column(empty_values=(), orderable=False)

    def render_min_severity(self, record: Channel) -> SafeString:
        return badge(record.min_severity)

    def value_min_severity(self, record: Channel) -> str:
        return record.min_severity

    def render_digest_at(self, record: Channel) -> str:
        return f"daily at {record.digest_at:%H:%M}" if record.digest_at else "at once"

    def render_state(self, record: Channel) -> SafeString:
        return channel_badge(record)

    def value_state(self, record: Channel) -> str:
        return record.state


class DeliveryTable(PortalTable):
    subject = TitleColumn("delivery", below=lambda row: row.recipient, verbose_name="Message")
    channel = LinkColumn("channel", order_by=("channel__name", "pk"))
    created_at = SinceColumn(verbose_name="Made")
    attempt_count = NumberColumn(verbose_name="Attempts")
    state = tables.Column()

    def render_state(self, record: Delivery) -> SafeString:
        return delivery_badge(record)

    def value_state(self, record: Delivery) -> str:
        return record.state
