"""Configure the app of users, roles, API tokens and the audit, which every schema has."""

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "people"
