"""How allauth behaves here."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from people import audit
from people.models import User


class AccountAdapter(DefaultAccountAdapter):
    """Nobody signs up: owners add their users, the provider adds partners with their first owner."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """To the own profile; the provider's host has none."""
        try:
            return reverse("profile")
        except NoReverseMatch:
            return "/"

    def set_password(self, user: Any, password: str) -> None:
        super().set_password(user, password)
        if isinstance(user, User) and user.pk:
            audit.record(audit.Actor(user, user.email), "changed password", user)
