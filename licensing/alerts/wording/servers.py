"""The words for Cisco's side: syncs, credentials, certificates, On-Prem servers, and what Cisco itself reports."""

from dataclasses import fields

from licensing.alerts.wording.base import (
    Facts,
    Figure,
    Words,
    WordsOf,
    counted,
    day,
    day_of,
    days,
    grouped,
    in_days,
    minute,
    say,
    sentences,
)
from licensing.fleet import transport


def sync_failed(facts: Facts) -> Words:
    if facts.has("synced_at"):
        age = say("The figures are from {moment}.", moment=minute(facts.moment("synced_at")))
    else:
        age = say("No sync has completed yet.")
    return Words(
        sentences([say("The last sync failed."), facts.text("cause"), age]),
        facts.text("next_step")
        or say("Start the sync again. If it keeps failing, contact the operator of the portal."),
        (_synced(facts), facts.figure("failed_at", "Failed")),
    )


def sync_too_old(facts: Facts) -> Words:
    if facts.has("synced_at"):
        age = say("The last complete sync was on {moment}.", moment=minute(facts.moment("synced_at")))
    else:
        age = say(
            "No sync has completed since the smart account was added on {moment}.",
            moment=minute(facts.moment("added_at")),
        )
    limit = say("The limit is {hours}.", hours=counted(facts.number("limit_hours"), "hour", "hours"))
    return Words(
        sentences([age, limit, say("The figures may be out of date.")]),
        say(
            "Start a sync of this smart account. If it fails, the sync run shows the cause. If it does not start, "
            "contact the operator of the portal."
        ),
        (_synced(facts), facts.figure("limit_hours", "Limit in hours")),
    )


def credentials_refused(facts: Facts) -> Words:
    if facts.name("refused_at") == "sync":
        refused = say("Cisco refused the credentials at the last sync.")
        step = say("Check the client ID, the client secret and their access, then sync again.")
        figures: tuple[Figure, ...] = (_synced(facts), facts.figure("finished_at", "Refused"))
    else:
        refused = say("The credentials were refused when the connection was tested.")
        step = say("Check the client ID and the client secret, then test the connection again.")
        figures = (facts.figure("finished_at", "Tested"),)
    return Words(sentences([refused, facts.text("cause")]), facts.text("next_step") or step, figures)


def credentials_expiring(facts: Facts) -> Words:
    last = facts.day("last_day")
    values = {"day": day(last), "in_days": in_days(last, facts.today)}
    if last < facts.today:
        ends = say("By the date entered for them, the credentials expired on {day}, {in_days}.", **values)
    else:
        ends = say("By the date entered for them, the credentials expire on {day}, {in_days}.", **values)
    return Words(
        sentences([ends, say("Syncs fail from the day after.")]),
        say("Create new credentials at Cisco, then enter them here with their last day."),
        (facts.figure("last_day", "Last day"),),
    )


def tls_verification_off(facts: Facts) -> Words:
    return Words(
        say(
            "The portal does not verify the certificate of this license server. An attacker on the network can read "
            "the credentials and change the figures."
        ),
        say(
            "Turn verification on. If your own certificate authority signed the server's certificate, enter its CA "
            "certificate."
        ),
    )


def certificate_expiring(facts: Facts) -> Words:
    ends = facts.moment("valid_until")
    values = {"moment": minute(ends), "in_days": in_days(day_of(ends), facts.today)}
    if ends <= facts.at:
        summary = say("The certificate of this server expired on {moment}, {in_days}.", **values)
        trust = say("Products and the portal no longer trust the server.")
    else:
        summary = say("The certificate of this server expires on {moment}, {in_days}.", **values)
        trust = say("Products and the portal then stop trusting the server.")
    if facts.name("server_kind") == "cloud":
        step = say(
            "Cisco renews the certificate. Test the connection again in a few days. If the date stays the same, a "
            "device between the portal and Cisco presents its own certificate."
        )
    else:
        step = say(
            "Renew the certificate on the On-Prem server. If its CA certificate changes too, enter the new one here."
        )
    return Words(sentences([summary, trust]), step, (facts.figure("valid_until", "Valid until"),))


def cssm_alert(facts: Facts) -> Words:
    message = (facts.text("message") or facts.name("type")).rstrip(".")
    source = facts.text("source")
    place = facts.name("account")
    if facts.has("pool"):
        place = say("{pool} of {account}", pool=facts.name("pool"), account=place)
    if source and source.lower() not in facts.text("message").lower():
        summary = say("Cisco reports for {place}: {message} ({source}).", place=place, message=message, source=source)
    else:
        summary = say("Cisco reports for {place}: {message}.", place=place, message=message)
    return Words(
        summary,
        say(
            "Open Smart Software Manager (License Central) and resolve it there. This alert closes with the next sync."
        ),
        (
            facts.figure("cisco_severity", "Cisco's severity"),
            facts.figure("type", "Type"),
            facts.figure("source", "Source"),
        ),
    )


def on_prem_sync(facts: Facts) -> Words:
    synced = facts.moment("synced_at")
    if facts.holds("offline"):
        step = say("Start a full synchronization on the server by exchanging files, then enter its time here.")
    else:
        step = say("Start a full synchronization on the server, then enter its time here.")
    return Words(
        say(
            "This server last synchronized with Cisco on {day}, {days} ago. Cisco recommends at most {advised}, and "
            "removes the server after {deadline}.",
            day=day(day_of(synced)),
            days=days((facts.at - synced).days),
            advised=days(transport.SYNC_ADVISED.days),
            deadline=grouped(transport.SYNC_DEADLINE.days),
        ),
        step,
        (facts.figure("synced_at", "Last synchronized"), facts.figure("offline", "Offline")),
    )


def on_prem_url(facts: Facts) -> Words:
    server = _server(facts)
    figures = (
        Figure("version", "Version", server.version, server.version),
        Figure("registration_url", "Registration URL", server.recorded_url, server.recorded_url),
    )
    return _on_prem(facts, server, figures)


def on_prem_capacity(facts: Facts) -> Words:
    server = _server(facts)
    figures = (
        Figure("version", "Version", server.version, server.version),
        Figure("instance_limit", "Limit entered", server.instance_limit, server.instance_limit),
    )
    return _on_prem(facts, server, figures)


def _server(facts: Facts) -> transport.ServerFacts:
    """Return what was known of the server when it was judged. Unknown facts give rise to no warning."""
    known = {field.name for field in fields(transport.ServerFacts)}
    told = facts.mapping("server")
    return transport.ServerFacts(**{name: value for name, value in told.items() if name in known})


def _on_prem(facts: Facts, server: transport.ServerFacts, figures: tuple[Figure, ...]) -> Words:
    """licensing.fleet.transport judged the server and has the words; here those are chosen that the alert is about."""
    told = set(facts.items("warnings"))
    found = transport.server_warnings(server, facts.at, facts.holds("has_expressways"))
    warnings = [warning for warning in found if warning.kind in told]
    steps = dict.fromkeys(warning.next_step for warning in warnings)
    return Words(sentences(warning.message for warning in warnings), sentences(steps), figures)


def _synced(facts: Facts) -> Figure:
    return facts.figure("synced_at", "Last complete sync")


WORDS: dict[str, WordsOf] = {
    "sync_failed": sync_failed,
    "sync_too_old": sync_too_old,
    "credentials_refused": credentials_refused,
    "credentials_expiring": credentials_expiring,
    "tls_verification_off": tls_verification_off,
    "certificate_expiring": certificate_expiring,
    "cssm_alert": cssm_alert,
    "on_prem_sync": on_prem_sync,
    "on_prem_url": on_prem_url,
    "on_prem_capacity": on_prem_capacity,
}
