"""The partner's licensing in the admin site, by subject. Registered on the partner's site alone."""

from licensing.admin import access, alerts, channels, fleet, history, mirror, servers, subscriptions, transfers

__all__ = ["access", "alerts", "channels", "fleet", "history", "mirror", "servers", "subscriptions", "transfers"]
