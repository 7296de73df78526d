"""The facts of each kind of rule: what it counts, its scopes and its usual threshold."""

from dataclasses import dataclass

from licensing.alerts.models import AlertRule, Kind

POOLED = ("smart_accounts", "virtual_accounts", "customers", "tags")
LICENSED = ("smart_accounts", "virtual_accounts", "licenses", "customers", "tags")
ACCOUNTS = ("smart_accounts",)
FLEET = ("customers", "tags")
NOWHERE: tuple[str, ...] = ()
# Cisco's own notices of terms (docs/domain.md#X9).
NOTICES = (90, 60, 30, 14, 7, 3, 1)


@dataclass(frozen=True, slots=True)
class KindFacts:
    """`counts`: what `threshold` is a number of, "" where there is none; `usual`: what an empty one means.

    `notices`: the usual lead times in days, longest first; with them `threshold` is the longest and counts days.
    `scopes`: the scopes that mean something. `about`: one sentence of what opens an alert.
    """

    about: str
    scopes: tuple[str, ...]
    counts: str = ""
    usual: int | None = None
    most: int = 36_500
    notices: tuple[int, ...] = ()
    units: tuple[str, ...] = ()

    @property
    def timed(self) -> bool:
        return bool(self.notices)


FACTS: dict[str, KindFacts] = {
    Kind.OUT_OF_COMPLIANCE: KindFacts("Cisco reports a license as out of compliance.", LICENSED),
    Kind.FREE_BELOW: KindFacts(
        "Fewer licenses of a kind that you own are free than the threshold.",
        LICENSED,
        "licenses or percent",
        10,
        units=(AlertRule.Unit.PERCENT, AlertRule.Unit.LICENSES),
    ),
    Kind.EXHAUSTION: KindFacts(
        "At the pace of the last 180 days, a license runs out within this number of days.",
        LICENSED,
        "days",
        60,
        most=730,
    ),
    Kind.TERM_ENDING: KindFacts("A term ends within the lead time.", LICENSED, "days", 90, notices=NOTICES),
    Kind.TERM_ENDED: KindFacts("A term has ended, and Cisco still lists it.", LICENSED),
    Kind.INSTANCE_SILENT: KindFacts(
        "A product instance has had no contact with Cisco for longer than the threshold.", POOLED, "days", 30
    ),
    Kind.WRONG_POOL: KindFacts(
        "A product instance is registered in a different virtual account from the one that its cluster is assigned to.",
        POOLED,
    ),
    Kind.ASSIGNMENT_FAILED: KindFacts("An assignment job failed, or has made no progress for too long.", FLEET),
    Kind.ORDERED_CONSUMPTION: KindFacts("Licenses are in use in the ordered pool, which serves no products.", POOLED),
    Kind.TOKEN_EXPIRING: KindFacts(
        "A registration token expires within the lead time.", POOLED, "days", 7, notices=(7, 3, 1)
    ),
    Kind.TOKEN_USED_UP: KindFacts(
        "A registration token has been used as often as the number entered for it allows.", POOLED
    ),
    Kind.EVALUATION_ENDING: KindFacts(
        "The 90-day evaluation of an unregistered cluster ends within the lead time, or has ended.",
        FLEET,
        "days",
        60,
        notices=(60, 30, 14, 7, 3, 1),
    ),
    Kind.OVERAGE: KindFacts(
        "The 90 days that a license may be out of compliance end within the lead time, or have ended.",
        LICENSED,
        "days",
        60,
        notices=(60, 30, 14, 7, 3, 1),
    ),
    Kind.ON_PREM_SYNC: KindFacts(
        "An On-Prem server has not synchronized with Cisco for longer than the threshold, by the time entered for it.",
        NOWHERE,
        "days",
        30,
    ),
    Kind.ON_PREM_URL: KindFacts("The version, registration URL and names of an On-Prem server do not match.", NOWHERE),
    Kind.ON_PREM_CAPACITY: KindFacts(
        "An On-Prem server has more than 80 percent of the product instances that it supports.", NOWHERE
    ),
    Kind.CERTIFICATE_EXPIRING: KindFacts(
        "The certificate of a license server expires within the lead time, or has expired.",
        NOWHERE,
        "days",
        60,
        notices=(60, 30, 14, 7, 3, 1),
    ),
    Kind.TLS_VERIFICATION_OFF: KindFacts("The portal does not verify the certificate of a license server.", NOWHERE),
    Kind.SYNC_FAILED: KindFacts("The last sync of a smart account failed.", ACCOUNTS),
    Kind.SYNC_TOO_OLD: KindFacts(
        "The last complete sync of a smart account is older than the threshold. If empty, the limit is twice "
        "the account's sync interval.",
        ACCOUNTS,
        "hours",
    ),
    Kind.CREDENTIALS_REFUSED: KindFacts("Cisco refused the credentials at the last sync or connection test.", ACCOUNTS),
    Kind.CREDENTIALS_EXPIRING: KindFacts(
        "Credentials expire within the lead time, by the date that you entered for them.",
        ACCOUNTS,
        "days",
        30,
        notices=(30, 14, 7, 3, 1),
    ),
    Kind.CSSM_ALERT: KindFacts("Cisco reports an alert for a smart account.", ("smart_accounts", "virtual_accounts")),
}


def threshold_of(rule: AlertRule) -> int | None:
    """Return the threshold that applies: the rule's own, or the usual one."""
    return FACTS[rule.kind].usual if rule.threshold is None else rule.threshold


def in_words(rule: AlertRule) -> str:
    """Return the threshold in words: "90, 60, 30 days before", "below 10 percent", "" where nothing is counted."""
    facts, number = FACTS[rule.kind], threshold_of(rule)
    if facts.timed:
        days = [str(lead) for lead in rule.lead_days if number is None or lead <= number] or [str(number)]
        return f"{', '.join(days)} days before"
    if facts.units:
        return f"below {number} {rule.get_unit_display().lower().split()[0] if rule.unit else 'percent'}"
    if not facts.counts:
        return ""
    return f"{number} {facts.counts}" if number is not None else "twice the sync interval of the account"
