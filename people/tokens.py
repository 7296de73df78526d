"""Authenticate the calls of REST by bearer tokens."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from people.models import ApiToken, User

# A token's last use is written at most this often, so that most reads write nothing.
LAST_USE_STEP = timedelta(minutes=5)


class TokenAuthentication(BaseAuthentication):
    """Accept `Authorization: Bearer slp_…`. The token must be known to the partner of the request's host."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, text = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        now = timezone.now()
        digest = ApiToken.digest_of(text.strip())
        token = ApiToken.objects.usable(now).select_related("user").filter(digest=digest).first()
        if token is None:
            raise AuthenticationFailed("This token is unknown here, has expired or was revoked.")
        if token.last_used_at is None or now - token.last_used_at > LAST_USE_STEP:
            ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "people.tokens.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}
