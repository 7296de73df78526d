"""Users, roles, API tokens and the audit, in each schema."""

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "people"
