"""The partner's licensing: what Cisco knows, mirrored, and what only the partner knows."""

from django.apps import AppConfig


class LicensingConfig(AppConfig):
    name = "licensing"
