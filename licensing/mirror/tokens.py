"""Create and revoke registration tokens at Cisco, or record tokens that were made there.

Writes follow `cssm.write_back`: when the answer is lost, Cisco's list is read back and decides. `create` and `revoke`
raise CssmError (unavailable or refused).
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from kit.refusals import Refusal
from licensing.accounts import clients
from licensing.cisco import types
from licensing.cisco.client import CssmClient
from licensing.cisco.write_back import Finding, Verdict, Words, found, write_and_verify
from licensing.mirror.models import RegistrationToken, VirtualAccount
from people import audit

MAX_USES = 1_000_000
MAX_DAYS = 365  # the largest that Cisco's cloud was seen to take (docs/cisco-api.md#token-days)
# A token for a registration ends no sooner than this after it.
SPARE = timedelta(hours=1)
# The description and the life of tokens that the portal makes by itself.
RENEWED, RENEWED_DAYS = "Made by the portal for assignments", 30
# A token that a lost call of the portal made ends about when the call asked for it.
SAME_END = timedelta(hours=1)


def create(
    actor: audit.Actor, virtual_account: VirtualAccount, description: str, expires_after_days: int
) -> tuple[RegistrationToken, str]:
    """Create a token at Cisco. Returns its row and its text, which is shown once.

    It waits for Cisco: call it where waiting is allowed.
    """
    check_creation(virtual_account, expires_after_days)
    account = virtual_account.smart_account
    with clients.client_of(account) as client:
        made = _create_once(client, virtual_account, description, expires_after_days)
    return _save_created(actor, virtual_account, made), made.text


def usable_for(
    virtual_account: VirtualAccount,
    export_controlled: bool,
    at: datetime,
    actor: audit.Actor = audit.SYSTEM,
) -> RegistrationToken:
    """Return a token to register a cluster with: its text is known, uses are left, and it outlasts `at` by SPARE.

    Where there is none, one is made at Cisco, so that an expiring one is replaced before it is needed. One with export
    control cannot be made over the API (docs/domain.md#C10): Refusal says how. May wait for Cisco: call it outside
    of a transaction.
    """
    known = RegistrationToken.objects.with_uses_left().filter(
        gone_at=None, virtual_account=virtual_account, export_controlled=export_controlled
    )
    lasting = known.filter(Q(expires_at=None) | Q(expires_at__gt=at + SPARE)).exclude(text="")
    found: RegistrationToken | None = lasting.order_by(F("expires_at").desc(nulls_first=True), "-pk").first()
    if found is not None:
        return found
    if export_controlled:
        raise Refusal(
            f"{virtual_account} has no export-controlled token that is recorded here and valid on {at:%Y-%m-%d}.",
            "Make one in CSSM, tick “Allow export-controlled functionality”, and record it here by hand.",
        )
    days = max(RENEWED_DAYS, (at + SPARE - timezone.now()).days + 1)
    return create(actor, virtual_account, RENEWED, days)[0]


def check_creation(virtual_account: VirtualAccount, expires_after_days: int) -> None:
    """Raise Refusal for a token that Cisco would not create."""
    _check_listed(virtual_account)
    if virtual_account.smart_account.paused_at is not None:
        raise Refusal(
            f"{virtual_account.smart_account} is paused.", "Resume the smart account first.", field="virtual_account"
        )
    if not 1 <= expires_after_days <= MAX_DAYS:
        raise Refusal(
            f"A registration token is valid for 1 to {MAX_DAYS} days.",
            f"Enter a number from 1 to {MAX_DAYS}.",
            field="expires_after_days",
        )


def _check_listed(pool: VirtualAccount) -> None:
    if pool.gone_at is not None:
        raise Refusal(f"Cisco no longer lists {pool}.", "Choose another virtual account.", field="virtual_account")


def _check_place(pool: VirtualAccount, digest: str) -> None:
    """Refuse a token of another pool: a product registers where its token was made (docs/domain.md#P3)."""
    rows = RegistrationToken.objects.filter(digest=digest, gone_at=None).exclude(virtual_account=pool)
    elsewhere = rows.select_related("virtual_account").first()
    if elsewhere is not None:
        step = f"Choose that one, or make a token in {pool}."
        raise Refusal(f"This token belongs to {elsewhere.virtual_account}.", step, field="virtual_account")


def without_breaks(text: str) -> str:
    """Remove breaks and blanks, which a copy from a page or a mail may hold."""
    return "".join(text.split())


@transaction.atomic
def record_by_hand(
    actor: audit.Actor,
    virtual_account: VirtualAccount,
    text: str,
    description: str,
    expires_at: datetime | None,
    export_controlled: bool,
    uses_allowed: int | None = None,
) -> RegistrationToken:
    """Record a token that was made in CSSM, with the number of uses that was set there.

    Cisco is not asked; the next sync finds it, or marks it gone.
    """
    text = without_breaks(text)
    _check_listed(virtual_account)
    _check_place(virtual_account, digest_of(text))
    known = RegistrationToken.objects.filter(virtual_account=virtual_account, digest=digest_of(text)).first()
    if known is not None and known.text:
        raise Refusal("This token is already recorded.", "Find it in the list of registration tokens.", field="text")
    token = known or RegistrationToken(
        virtual_account=virtual_account,
        digest=digest_of(text),
        description=description,
        expires_at=expires_at,
        created_by=actor.label,
        export_controlled=export_controlled,
    )
    token.text, token.uses_allowed = text, _fitting_uses(uses_allowed)
    token.save()
    audit.record(actor, "recorded", token, changes={"virtual_account": ["", str(virtual_account)]})
    return token


@transaction.atomic
def set_uses(actor: audit.Actor, token: RegistrationToken, **read: int | None) -> None:
    """Save what a person reads in CSSM's list of tokens: `uses_allowed`, `uses` or both.

    Only what they read is written: a worker may be counting a use at this moment.
    """
    _fitting_uses(read.get("uses_allowed"))
    audit.change(actor, "changed", token, **read)


def count_use(token: RegistrationToken) -> None:
    """Count a product that has registered with it. Workers may count at the same time."""
    RegistrationToken.objects.filter(pk=token.pk).update(uses=F("uses") + 1)


def _fitting_uses(number: int | None) -> int | None:
    if number is not None and not 1 <= number <= MAX_USES:
        raise Refusal(
            f"A token cannot be used {number:,} times.",
            f"Enter 1 to {MAX_USES:,}, or leave the field empty for no limit.",
            "uses_allowed",
        )
    return number


def revoke(actor: audit.Actor, token: RegistrationToken) -> None:
    """Revoke the token at Cisco, and wait for Cisco.

    Registered products stay registered; no product can register with this token any more.
    """
    check_revocation(token)
    with clients.client_of(token.virtual_account.smart_account) as client:
        text = _find_text(client, token)
        if text:
            _revoke_once(client, token, text)
    _mark_revoked(actor, token)


def check_revocation(token: RegistrationToken) -> None:
    """Raise Refusal for a token that Cisco no longer lists."""
    if token.gone_at is not None:
        raise Refusal(f"Cisco no longer lists {token}.", "It cannot be used, so there is nothing to revoke.")


def text_of(token: RegistrationToken) -> str:
    """Return the text in the clear, for showing it once and for registering with it."""
    secret: Any = token.text
    return str(secret.reveal())


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _create_once(client: CssmClient, pool: VirtualAccount, description: str, days: int) -> types.RegistrationToken:
    account = clients.account_ref(pool.smart_account)
    known = set(RegistrationToken.objects.filter(virtual_account=pool).values_list("digest", flat=True))
    end = timezone.now() + timedelta(days=days)

    def find() -> Finding[types.RegistrationToken]:
        """Return the one listed token of this description and end that the portal did not know."""
        fitting = [
            token
            for token in _list(client, pool)
            if token.description == description
            and digest_of(token.text) not in known
            and (token.expires_at is None or abs(token.expires_at - end) < SAME_END)
        ]
        return found(fitting[0] if fitting else None) if len(fitting) < 2 else Finding(Verdict.UNCLEAR)

    return write_and_verify(
        lambda: client.create_registration_token(account, pool.name, description, days),
        find,
        Words(
            "No token was made.",
            "The portal does not know whether the token was made.",
            "When Cisco responds again, start a sync and check the list before you make another token.",
            "Try again in a few minutes.",
        ),
    )


def _find_text(client: CssmClient, token: RegistrationToken) -> str:
    """Return the token's text as Cisco lists it, empty when it does not: the portal keeps the text of few tokens."""
    texts = [listed.text for listed in _list(client, token.virtual_account)]
    return next((text for text in texts if digest_of(text) == token.digest), "")


def _revoke_once(client: CssmClient, token: RegistrationToken, text: str) -> None:
    pool = token.virtual_account

    def send() -> bool:
        client.revoke_registration_token(clients.account_ref(pool.smart_account), pool.name, text)
        return True

    write_and_verify(
        send,
        lambda: found(None if _find_text(client, token) else True),
        Words(
            f"{token} was not revoked.",
            f"The portal does not know whether {token} was revoked.",
            "When Cisco responds again, start a sync and check the list before you try again.",
            "Try again in a few minutes.",
        ),
    )


def _list(client: CssmClient, pool: VirtualAccount) -> list[types.RegistrationToken]:
    pages = client.registration_tokens(clients.account_ref(pool.smart_account), pool.name)
    return [token for page in pages for token in page.items]


@transaction.atomic
def _save_created(actor: audit.Actor, pool: VirtualAccount, made: types.RegistrationToken) -> RegistrationToken:
    """Save a token that Cisco has made. A sync may have listed it already, and then it is that row."""
    token, _ = RegistrationToken.objects.get_or_create(
        virtual_account=pool,
        digest=digest_of(made.text),
        defaults={
            "description": made.description[:500],
            "expires_at": made.expires_at,
            "created_by": made.created_by[:254],
            "export_controlled": made.export_controlled,
        },
    )
    token.text, token.made_here = made.text, True
    token.save(update_fields=["text", "made_here"])
    audit.record(actor, "created", token, changes={"virtual_account": ["", str(pool)]})
    return token


@transaction.atomic
def _mark_revoked(actor: audit.Actor, token: RegistrationToken) -> None:
    """Mark a token as gone. Cisco has just confirmed it, and the next sync will say the same."""
    RegistrationToken.objects.filter(pk=token.pk, gone_at=None).update(gone_at=timezone.now(), text="")
    audit.record(actor, "revoked", token)
