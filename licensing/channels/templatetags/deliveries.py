"""Show deliveries, on their own pages and on the page of an alert."""

from django import template
from django.utils.safestring import SafeString

from kit.templatetags.components import badge
from licensing.channels.models import Delivery

register = template.Library()


@register.simple_tag
def delivery_badge(delivery: Delivery) -> SafeString:
    values = {"waiting": "queued", "sent": "succeeded", "failed": "failed"}
    return badge(values[delivery.state], delivery.get_state_display())
