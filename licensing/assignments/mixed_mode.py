"""Four gates must be open before a cluster in mixed mode is assigned (docs/domain.md#mixed-mode).

A cluster in mixed mode registers with a token that allows export-controlled functionality. The API makes none, so a
person makes it in CSSM, and it must be the only token in the virtual account, or another one could be taken. What is
judged is the state of things: that the other tokens went before this one came shows in no row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from kit.wording import counted, shorten
from licensing.fleet.models import Cluster
from licensing.mirror.models import RegistrationToken, SyncRun, VirtualAccount

NO_OTHER_TOKEN, EXPORT_TOKEN, SYNCED, ONLY_THAT_TOKEN = "no_other_token", "export_token", "synced", "only_that_token"
TITLES = {
    NO_OTHER_TOKEN: "No other token in the virtual account",
    EXPORT_TOKEN: "One token with export control, made by hand",
    SYNCED: "A sync newer than the token",
    ONLY_THAT_TOKEN: "Exactly that token at Cisco",
}
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Gate:
    """`name`: one of TITLES. `why` it is open or closed; `next_step`: what opens it, empty when it is open."""

    name: str
    open: bool
    why: str
    next_step: str = ""

    @property
    def title(self) -> str:
        return TITLES[self.name]


@dataclass(frozen=True, slots=True)
class Facts:
    """`tokens`: listed at Cisco or recorded since; `missing`: recorded by hand, and then not listed. `synced_from`:
    when the last sync that came whole began, for what was made later it could not see."""

    tokens: Sequence[RegistrationToken]
    missing: Sequence[RegistrationToken]
    synced_from: datetime | None
    now: datetime


def gates(cluster: Cluster, virtual_account: VirtualAccount) -> list[Gate]:
    """In the order of the run. Empty for a cluster that is not in mixed mode: nothing stands in its way."""
    return judge(facts_of(virtual_account)) if cluster.mixed_mode else []


def unlocked(cluster: Cluster, virtual_account: VirtualAccount) -> bool:
    """Whether the cluster may be assigned to it."""
    return all(gate.open for gate in gates(cluster, virtual_account))


def the_token(virtual_account: VirtualAccount) -> RegistrationToken | None:
    """The one to register with; None while the gates 1 and 2 are closed."""
    facts = facts_of(virtual_account)
    found = [token for token in facts.tokens if _fits(token, facts.now)]
    return found[0] if len(found) == len(facts.tokens) == 1 else None


def facts_of(virtual_account: VirtualAccount) -> Facts:
    """Two queries."""
    rows = list(RegistrationToken.objects.filter(virtual_account=virtual_account).order_by("id"))
    last = (
        SyncRun.objects.filter(smart_account=virtual_account.smart_account_id, status=SyncRun.Status.SUCCEEDED)
        .order_by("-started_at")
        .values_list("started_at", flat=True)
        .first()
    )
    now = timezone.now()
    return Facts(
        tokens=[token for token in rows if token.gone_at is None],
        # Revoking empties the text: gone with its text is a token that Cisco does not list.
        missing=[token for token in rows if token.gone_at and token.text and _fits(token, now)],
        synced_from=last,
        now=now,
    )


def judge(facts: Facts) -> list[Gate]:
    """Pure."""
    first = _no_other_token(facts)
    second = _export_token(facts)
    third = _synced(facts) if second.open else _waits(SYNCED)
    opened = first.open and second.open and third.open
    why = "The last sync lists this token and no other."
    return [first, second, third, Gate(ONLY_THAT_TOKEN, opened, why) if opened else _waits(ONLY_THAT_TOKEN)]


def _no_other_token(facts: Facts) -> Gate:
    others = [token for token in facts.tokens if not _fits(token, facts.now)]
    if not others:
        return Gate(NO_OTHER_TOKEN, True, "No token stands in the way.")
    why = f"The virtual account holds {counted(len(others), 'token')} that must go: {_named(others)}."
    return Gate(NO_OTHER_TOKEN, False, why, "Revoke every token of this virtual account, then go on.")


def _export_token(facts: Facts) -> Gate:
    fitting = [token for token in facts.tokens if _fits(token, facts.now)]
    if len(fitting) == 1:
        return Gate(EXPORT_TOKEN, True, f"“{fitting[0]}” allows export-controlled functionality.")
    if fitting:
        why = f"There are {len(fitting)} such tokens: {_named(fitting)}."
        return Gate(EXPORT_TOKEN, False, why, "Revoke all but one of them.")
    why = "There is no valid token with export control that was made by hand; the API makes none."
    if facts.missing:
        why = (
            f"Cisco does not list the recorded token {_named(facts.missing)}: its text is not whole, or it was revoked."
        )
    step = "Make one token in CSSM, tick “Allow export-controlled functionality”, and record it here by hand."
    return Gate(EXPORT_TOKEN, False, why, step)


def _synced(facts: Facts) -> Gate:
    token = next(token for token in facts.tokens if _fits(token, facts.now))
    if facts.synced_from is not None and facts.synced_from > token.created_at:
        return Gate(SYNCED, True, "The last whole sync began after the token was recorded.")
    return Gate(
        SYNCED, False, f"No sync has looked since “{token}” was recorded.", "Start a sync and wait for its end."
    )


def _waits(name: str) -> Gate:
    return Gate(name, False, "The gates before it are closed.", "Open them first, in their order.")


def _fits(token: RegistrationToken, now: datetime) -> bool:
    """Made by hand, with export control, neither over nor used up."""
    lasts = token.expires_at is None or token.expires_at > now
    return token.export_controlled and not token.made_here and lasts and not token.used_up


def _named(tokens: Sequence[RegistrationToken]) -> str:
    return shorten([f"“{token}”" for token in tokens], SHOWN)
