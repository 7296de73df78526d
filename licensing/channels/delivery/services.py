"""Services that Apprise knows, and which of them a channel may name.

Apprise opens its own connections, so their addresses cannot be pinned as those of webhooks are. Allowed are therefore
services that stand at an address of their own, whatever the channel's address says. Refused is what would let an
address choose the host (json://, gotify://, mailto:// …), reach this machine (dbus://, syslog:// …) or read its files
(`template=` and the like). The provider may add schemes (PORTAL_APPRISE_ALSO); their hosts are checked before a call.
"""

import logging
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from apprise import Apprise, AppriseAsset, LogCapture
from django.conf import settings

from kit.refusals import Refusal
from licensing.accounts.entered import check_address
from licensing.channels.delivery.errors import NotDelivered
from licensing.channels.models import Delivery
from licensing.cisco.addresses import SERVICE

# scheme -> the service's name
SERVICES = {
    "bulksms": "BulkSMS",
    "clicksend": "ClickSend",
    "discord": "Discord",
    "firehydrant": "FireHydrant",
    "flock": "Flock",
    "gchat": "Google Chat",
    "ilert": "ilert",
    "incidentio": "incident.io",
    "line": "LINE",
    "msgbird": "MessageBird",
    "onesignal": "OneSignal",
    "opsgenie": "Opsgenie",
    "pagerduty": "PagerDuty",
    "pagertree": "PagerTree",
    "pbul": "Pushbullet",
    "plivo": "Plivo",
    "pover": "Pushover",
    "signl4": "SIGNL4",
    "sinch": "Sinch",
    "slack": "Slack",
    "spike": "Spike.sh",
    "splunk": "Splunk On-Call",
    "squadcast": "Squadcast",
    "telnyx": "Telnyx",
    "tgram": "Telegram",
    "threema": "Threema Gateway",
    "twilio": "Twilio",
    "twist": "Twist",
    "victorops": "Splunk On-Call",
    "vonage": "Vonage",
    "webex": "Webex",
    "workflow": "Microsoft Teams",
    "workflows": "Microsoft Teams",
    "wxteams": "Webex",
    "zulip": "Zulip",
}
# Here the host is part of the address, and must be one of the service's own.
HOSTS = dict.fromkeys(("workflow", "workflows"), (".logic.azure.com", ".api.powerplatform.com"))
# Options that name files or addresses, or that weaken the connection.
REFUSED_OPTIONS = {"template", "keyfile", "subfile", "attach", "attach-as", "include", "verify", "pgp", "pgpkey"}
HELP = "See docs/notifications.md for the services and how their addresses look."


def check_url(url: str) -> str:
    """The name of the service that the address names. Raise Refusal (field url)."""
    scheme, host, options = _parts(url)
    own = HOSTS.get(scheme)
    if scheme not in SERVICES and scheme not in settings.APPRISE_ALSO:
        raise _refused(f"Addresses that begin with {scheme or 'nothing'}:// cannot be used here.")
    if own and not host.endswith(own):
        raise _refused(f"The host of this service ends in {' or '.join(own)}.")
    if found := sorted(REFUSED_OPTIONS & options):
        raise _refused(f"The option {found[0]} cannot be used here.")
    if scheme in settings.APPRISE_ALSO:
        _check_host(url, host)
    if _service(url) is None:
        raise _refused("Apprise does not understand this address: something in it is missing or too much.")
    return SERVICES.get(scheme, scheme)


def send(delivery: Delivery) -> str:
    """Send through the service and return its answer in words. Raise NotDelivered."""
    address: Any = delivery.channel.url
    url = address.reveal()
    try:
        name = check_url(url)
    except Refusal as refusal:
        raise NotDelivered(refusal.message, final=True) from None
    capture: Any = LogCapture
    with capture(level=logging.WARNING, fmt="%(message)s") as said:
        sent = _service(url).notify(title=delivery.subject, body=delivery.text)
        words = " ".join(said.getvalue().split())
    if not sent:
        raise NotDelivered(_without(url, words)[:400] or f"{name} did not take it.")
    return f"{name} took it."


def _service(url: str) -> Any:
    asset = AppriseAsset(app_id="Licensing portal", app_desc="Smart Licensing Partner Portal", plugin_paths=[])
    return Apprise.instantiate(url, asset=asset, suppress_exceptions=True)


def _parts(url: str) -> tuple[str, str, set[str]]:
    try:
        parts = urlsplit(url)
        return parts.scheme.lower(), (parts.hostname or "").lower(), {key.lower() for key, _ in parse_qsl(parts.query)}
    except ValueError:
        raise _refused("This is no address.") from None


def _check_host(url: str, host: str) -> None:
    port = urlsplit(url).port
    address = f"https://{host}{f':{port}' if port else ''}/"
    check_address(address, SERVICE, "url", allow_private=False, must_resolve=True)


def _without(url: str, words: str) -> str:
    """Words of the service without the parts of the address, which are its keys."""
    for part in sorted(filter(None, url.replace("?", "/").replace("@", "/").split("/")), key=len, reverse=True):
        if len(part) > 5:
            words = words.replace(part, "…")
    return words


def _refused(message: str) -> Refusal:
    return Refusal(message, HELP, "url")
