"""What owners do with people and with the keys of programs. Pages and the admin site call the same functions."""

import secrets
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from kit.refusals import Refusal
from people import audit
from people.models import ApiToken, Role, Scope, User

# Four groups of five: long enough to be safe, short enough to be read out once.
PASSWORD_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # noqa: S105 - what passwords are made of


def make_password() -> str:
    """A first password, told once and changed by its owner."""
    return "-".join("".join(secrets.choice(PASSWORD_ALPHABET) for _ in range(5)) for _ in range(4))


def check_owner(user: User | None, stored: int | None) -> None:
    """Raise Refusal where somebody who has left is chosen. `stored`: who it is already may stay."""
    if user is not None and not user.is_active and user.pk != stored:
        raise Refusal(f"{user} is deactivated.", "Choose somebody else.", "owner")


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
        _not_oneself(actor, user, "change your own role")
        if before["role"] == Role.OWNER:
            _keep_an_owner(user)
    user.save()
    audit.record(actor, "changed", user, before=before)
    return user


@transaction.atomic
def deactivate(actor: audit.Actor, user: User) -> None:
    """The user can no longer sign in, and tokens and sessions of theirs stop working at once."""
    _not_oneself(actor, user, "deactivate yourself")
    if user.role == Role.OWNER:
        _keep_an_owner(user)
    _set_active(actor, user, "deactivated", active=False)


@transaction.atomic
def reactivate(actor: audit.Actor, user: User) -> None:
    _set_active(actor, user, "reactivated", active=True)


@transaction.atomic
def reset_password(actor: audit.Actor, user: User, password: str) -> None:
    """The user's sessions end: Django ties them to the password."""
    if not user.is_active:
        raise Refusal(f"{user} is deactivated.", "Reactivate this user first.")
    user.set_password(password)
    user.save(update_fields=["password"])
    audit.record(actor, "reset password", user)


@transaction.atomic
def issue_token(
    actor: audit.Actor, user: User, name: str, scope: str, expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """A key for a program, and its text, which is nowhere to be read again."""
    if not user.is_active:
        raise Refusal(f"{user} is deactivated, so a token would not work.", "Choose an active user.", field="user")
    if scope == Scope.WRITE and user.role == Role.VIEWER:
        raise Refusal(f"{user} is a viewer and may change nothing.", "Choose the scope “Read”.", field="scope")
    token, text = ApiToken.issue(user, name, scope, expires_at)
    audit.record(actor, "created", token, changes={"scope": ["", scope], "user": ["", user.email]})
    return token, text


@transaction.atomic
def revoke_token(actor: audit.Actor, token: ApiToken) -> None:
    """Revoking twice is the same as once."""
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
        audit.record(actor, "revoked", token)


def _set_active(actor: audit.Actor, user: User, action: str, active: bool) -> None:
    audit.change(actor, action, user, is_active=active)


def _not_oneself(actor: audit.Actor, user: User, what: str) -> None:
    if actor.user == user:
        raise Refusal(f"You cannot {what}.", "Ask another owner.")


def _keep_an_owner(user: User) -> None:
    """Locks the active owners, so that two of them cannot take each other's role at the same moment."""
    owners = User.objects.select_for_update().filter(role=Role.OWNER, is_active=True)
    if not [owner for owner in owners.order_by("pk") if owner.pk != user.pk]:
        raise Refusal(f"{user} is the last active owner.", "Make somebody else an owner first.")
