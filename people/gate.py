"""Decide who may do what: one predicate for pages, REST and the admin site.

The gate is closed by default: a page that declares no need is refused, a REST view that declares no need for writing
is read-only.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from rest_framework.permissions import SAFE_METHODS, BasePermission

from people.models import ApiToken, Role, Scope, User

View = TypeVar("View", bound=Callable[..., Any])


class Need(IntEnum):
    """A page or call needs one of these. Each includes the ones before it (docs/architecture.md#who-may-do-what)."""

    READ = 1
    OPERATE = 2
    OWN = 3


GRANTS = {Role.VIEWER: Need.READ, Role.OPERATOR: Need.OPERATE, Role.OWNER: Need.OWN}
# Views of these packages guard themselves: sign-in pages, the admin site, REST and its documentation.
SELF_GUARDED = ("allauth.", "django.contrib.admin.", "unfold.", "rest_framework.", "drf_spectacular.")


def may(user: Any, need: Need, token: ApiToken | None = None) -> bool:
    """Return whether a user, with a token if one is used, may do what needs `need`."""
    if not isinstance(user, User) or not user.is_active:
        return False
    if token is not None and token.scope == Scope.READ and need > Need.READ:
        return False
    return GRANTS[Role(user.role)] >= need


def signed_in(request: Any) -> User:
    """Return the user of a request that has passed the gate."""
    assert isinstance(request.user, User)
    return request.user


def needs(need: Need, *, write: Need | None = None) -> Callable[[View], View]:
    """Declare what a page needs. `write`: what posting to it needs, if that is more."""

    def declare(view: View) -> View:
        view.needs = need  # type: ignore[attr-defined]
        view.needs_to_write = write or need  # type: ignore[attr-defined]
        return view

    return declare


class GateMiddleware:
    """Ask the predicate for every page of the portal, after the sign-in check."""

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        if not getattr(view, "login_required", True) or _guards_itself(view):
            return
        wanted = getattr(view, "needs" if request.method in SAFE_METHODS else "needs_to_write", None)
        if wanted is None or not may(request.user, wanted):
            raise PermissionDenied("Your role does not allow this. An owner of your organisation can change roles.")


class GatePermission(BasePermission):
    """Guard REST by default. A view names in `write_need` what writing needs; reading needs READ."""

    message = "Your role, or the scope of this token, does not allow this."

    def has_permission(self, request: Any, view: Any) -> bool:
        token = request.auth if isinstance(request.auth, ApiToken) else None
        # Everyone who may read learns that the view does not have this method (405).
        if request.method in SAFE_METHODS or getattr(view, "action", "") is None:
            return may(request.user, getattr(view, "read_need", Need.READ), token)
        need = getattr(view, "write_need", None)
        return need is not None and may(request.user, need, token)


def abilities(request: HttpRequest) -> dict[str, bool]:
    """Return the template context: `may_operate` and `may_own`."""
    user = getattr(request, "user", None)
    return {"may_operate": may(user, Need.OPERATE), "may_own": may(user, Need.OWN)}


def _guards_itself(view: Any) -> bool:
    module = getattr(view, "view_class", getattr(view, "cls", view)).__module__
    return module.startswith(SELF_GUARDED) or any(hasattr(view, name) for name in ("cls", "admin_site", "model_admin"))
