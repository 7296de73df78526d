"""The partner's licensing in the admin site, by subject. Registered on the partner's site alone."""

from licensing.admin import alerts, fleet, history, mirror, servers, transfers

__all__ = ["alerts", "fleet", "history", "mirror", "servers", "transfers"]
