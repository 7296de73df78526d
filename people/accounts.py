"""Adapt allauth to the portal."""

import logging
from contextlib import suppress
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.core.cache import caches
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse

from people import audit
from people.gate import Need, needs
from people.models import User

FAILURES_COUNT_FOR = 10 * 60  # seconds
log = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):
    """Close sign-up: owners add users, and the provider adds partners with their first owner."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": "Email or password is wrong. Try again, or choose a new password.",
        "too_many_login_attempts": "Too many failed sign-ins. Wait ten minutes, then try again.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Return the address of the own profile, or "/" on the provider's host, which has none."""
        try:
            return reverse("profile")
        except NoReverseMatch:
            return "/"

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count failed sign-ins over all partners. allauth's own limits count per partner."""
        super().pre_authenticate(request, **credentials)
        if caches["everywhere"].get(self._failures_key(request), 0) >= settings.FAILED_SIGN_INS:
            raise self.validation_error("too_many_login_attempts")

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        super().authentication_failed(request, **credentials)
        cache, key = caches["everywhere"], self._failures_key(request)
        if not cache.add(key, 1, FAILURES_COUNT_FOR):
            with suppress(ValueError):  # the ten minutes have just ended
                cache.incr(key)

    def _failures_key(self, request: HttpRequest) -> str:
        return f"failed-sign-ins-{self.get_client_ip(request)}"

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail, and only log it if the mail server is down: the reader gets the answer of an unknown address."""
        try:
            super().send_mail(template_prefix, email, context)
        except OSError:  # errors of smtplib derive from it
            log.exception("A mail for signing in was not sent: %s", template_prefix)

    def set_password(self, user: Any, password: str) -> None:
        super().set_password(user, password)
        if isinstance(user, User) and user.pk:
            audit.record(audit.Actor(user, user.email), "changed password", user)


@needs(Need.READ)
def email(request: HttpRequest) -> HttpResponse:
    """Replace allauth's page by a 404. Owners set the address that people sign in with, and the audit records it."""
    raise Http404
