"""Change users and API tokens for owners. Pages and the admin site call the same functions."""

import secrets
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from kit.refusals import Refusal
from people import audit
from people.models import ApiToken, Role, Scope, User

# Four groups of five letters are long enough to be safe and short enough to be read out.
PASSWORD_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # noqa: S105 - what passwords are made of


def make_password() -> str:
    """Return a first password, which is shown once and then changed by its user."""
    return "-".join("".join(secrets.choice(PASSWORD_ALPHABET) for _ in range(5)) for _ in range(4))


def check_owner(user: User | None, stored: int | None) -> None:
    """Raise Refusal for a deactivated user, except for the one that is `stored` already."""
    if user is not None and not user.is_active and user.pk != stored:
        raise Refusal(f"{user} is deactivated.", "Choose an active user.", "owner")


@transaction.atomic
def add(actor: audit.Actor, user: User, password: str) -> User:
    user.set_password(password)
    user.save()
    audit.record(actor, "added", user, changes={"email": ["", user.email], "role": ["", user.role]})
    return user


@transaction.atomic
def change(actor: audit.Actor, user: User, before: dict[str, object]) -> User:
    """Save name, e-mail and role; `before` is the snapshot from before the form was bound."""
    if user.role != before["role"]:
        _refuse_oneself(actor, user, "change your own role")
        if before["role"] == Role.OWNER:
            _keep_an_owner(user)
    user.save()
    audit.record(actor, "changed", user, before=before)
    return user


@transaction.atomic
def deactivate(actor: audit.Actor, user: User) -> None:
    """Deactivate a user, who can no longer sign in. Their tokens and sessions stop working at once."""
    _refuse_oneself(actor, user, "deactivate yourself")
    if user.role == Role.OWNER:
        _keep_an_owner(user)
    _set_active(actor, user, "deactivated", active=False)


@transaction.atomic
def reactivate(actor: audit.Actor, user: User) -> None:
    _set_active(actor, user, "reactivated", active=True)


@transaction.atomic
def reset_password(actor: audit.Actor, user: User, password: str) -> None:
    """Set a new password. The user's sessions end, because Django ties them to the password."""
    if not user.is_active:
        raise Refusal(f"{user} is deactivated.", "Reactivate this user first.")
    user.set_password(password)
    user.save(update_fields=["password"])
    audit.record(actor, "reset password", user)


@transaction.atomic
def issue_token(
    actor: audit.Actor, user: User, name: str, scope: str, expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """Create an API token. Return it with its text, which is not stored."""
    if not user.is_active:
        raise Refusal(f"{user} is deactivated, so a token would not work.", "Choose an active user.", field="user")
    if scope == Scope.WRITE and user.role == Role.VIEWER:
        raise Refusal(f"{user} is a viewer and cannot change anything.", "Choose the scope “Read”.", field="scope")
    token, text = ApiToken.issue(user, name, scope, expires_at)
    audit.record(actor, "created", token, changes={"scope": ["", scope], "user": ["", user.email]})
    return token, text


@transaction.atomic
def revoke_token(actor: audit.Actor, token: ApiToken) -> None:
    """Revoke a token. Revoking it twice changes nothing."""
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
        audit.record(actor, "revoked", token)


def _set_active(actor: audit.Actor, user: User, action: str, active: bool) -> None:
    audit.change(actor, action, user, is_active=active)


def _refuse_oneself(actor: audit.Actor, user: User, what: str) -> None:
    if actor.user == user:
        raise Refusal(f"You cannot {what}.", "Ask another owner.")


def _keep_an_owner(user: User) -> None:
    """Refuse to lose the last active owner. Locks the owners, so that two cannot remove each other at one moment."""
    owners = User.objects.select_for_update().filter(role=Role.OWNER, is_active=True)
    if not [owner for owner in owners.order_by("pk") if owner.pk != user.pk]:
        raise Refusal(f"{user} is the last active owner.", "Make another user an owner first.")
