"""What each kind of rule counts, what it may be scoped to, and what is usual: pages, REST and verbs read it here."""

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
    Kind.OUT_OF_COMPLIANCE: KindFacts("A license is out of compliance by Cisco's word.", LICENSED),
    Kind.FREE_BELOW: KindFacts(
        "Of a license that is owned, fewer are free than the rule says.",
        LICENSED, "licenses or percent", 10, units=(AlertRule.Unit.PERCENT, AlertRule.Unit.LICENSES),
    ),
    Kind.EXHAUSTION: KindFacts(
        "At the pace of the last 180 days, more of a license is in use than owned within that many days.",
        LICENSED, "days", 60, most=730,
    ),
    Kind.TERM_ENDING: KindFacts("A term ends within the lead time.", LICENSED, "days", 90, notices=NOTICES),
    Kind.TERM_ENDED: KindFacts("A term has ended, and Cisco still lists it.", LICENSED),
    Kind.INSTANCE_SILENT: KindFacts(
        "A product instance was not in contact with Cisco for longer.", POOLED, "days", 30
    ),
    Kind.WRONG_POOL: KindFacts(
        "A product instance is registered in another virtual account than its cluster is assigned to.", POOLED
    ),
    Kind.ASSIGNMENT_FAILED: KindFacts(
        "An assignment job failed, or nothing has gone on with it for too long.", FLEET
    ),
    Kind.ORDERED_CONSUMPTION: KindFacts("Licenses are used in a pool that serves no product.", POOLED),
    Kind.TOKEN_EXPIRING: KindFacts(
        "A registration token expires within the lead time.", POOLED, "days", 7, notices=(7, 3, 1)
    ),
    Kind.TOKEN_USED_UP: KindFacts(
        "A registration token was used as often as it may be, by the number that was entered for it.", POOLED
    ),
    Kind.EVALUATION_ENDING: KindFacts(
        "The 90 days of evaluation of a cluster that is not registered end within the lead time, or have ended.",
        FLEET, "days", 60, notices=(60, 30, 14, 7, 3, 1),
    ),
    Kind.OVERAGE: KindFacts(
        "Of the 90 days that a license may be out of compliance, no more than the lead time is left.",
        LICENSED, "days", 60, notices=(60, 30, 14, 7, 3, 1),
    ),
    Kind.ON_PREM_SYNC: KindFacts(
        "An On-Prem server was not synchronized with Cisco for longer, by the time that was entered for it.",
        NOWHERE, "days", 30,
    ),
    Kind.ON_PREM_URL: KindFacts(
        "Version, registration URL and names of an On-Prem server do not fit each other.", NOWHERE
    ),
    Kind.ON_PREM_CAPACITY: KindFacts(
        "An On-Prem server carries more than four fifths of the product instances that it can.", NOWHERE
    ),
    Kind.CERTIFICATE_EXPIRING: KindFacts(
        "The certificate of a license server ends within the lead time, or has ended.",
        NOWHERE, "days", 60, notices=(60, 30, 14, 7, 3, 1),
    ),
    Kind.TLS_VERIFICATION_OFF: KindFacts("The certificate of a license server is not verified.", NOWHERE),
    Kind.SYNC_FAILED: KindFacts("The last sync of a smart account failed.", ACCOUNTS),
    Kind.SYNC_TOO_OLD: KindFacts(
        "The last complete sync of a smart account is older. Empty: twice the account's own interval.",
        ACCOUNTS, "hours",
    ),
    Kind.CREDENTIALS_REFUSED: KindFacts("Cisco's side refused the credentials at the last sync or test.", ACCOUNTS),
    Kind.CREDENTIALS_EXPIRING: KindFacts(
        "Credentials end within the lead time, by the date that you entered for them.",
        ACCOUNTS, "days", 30, notices=(30, 14, 7, 3, 1),
    ),
    Kind.CSSM_ALERT: KindFacts(
        "Cisco itself reports an alert for a smart account.", ("smart_accounts", "virtual_accounts")
    ),
}  # fmt: skip


def threshold_of(rule: AlertRule) -> int | None:
    """The threshold that counts: the rule's own, or the usual one."""
    return FACTS[rule.kind].usual if rule.threshold is None else rule.threshold


def in_words(rule: AlertRule) -> str:
    """When the rule speaks, for lists: "90, 60, 30 days before", "below 10 percent", "" where nothing is counted."""
    facts, number = FACTS[rule.kind], threshold_of(rule)
    if facts.timed:
        days = [str(lead) for lead in rule.lead_days if number is None or lead <= number] or [str(number)]
        return f"{', '.join(days)} days before"
    if facts.units:
        return f"below {number} {rule.get_unit_display().lower().split()[0] if rule.unit else 'percent'}"
    if not facts.counts:
        return ""
    return f"{number} {facts.counts}" if number is not None else "twice the interval of the account"
