"""Signed calls to a web address, by the rules of standardwebhooks.com. docs/webhooks.md: how receivers check them."""

import base64
import hashlib
import hmac
import secrets
import time
from typing import Any
from urllib.parse import urlsplit

import httpx2
from django.conf import settings

from kit.refusals import Refusal
from licensing.accounts.entered import check_address
from licensing.channels.delivery.errors import NotDelivered
from licensing.channels.models import Delivery
from licensing.cisco.addresses import WEBHOOK, check_peer
from licensing.cisco.errors import CssmError

PREFIX = "whsec_"
CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 20.0
# Enough to see what the receiver said, and no more of what a stranger sends.
SHOWN_BYTES = 400


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def sign(secret: str, delivery_id: str, timestamp: int, body: str) -> str:
    """`v1,` and the base64 HMAC-SHA256 over `id.timestamp.body`."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{delivery_id}.{timestamp}.{body}".encode()
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def check_url(url: str) -> None:
    """Refuse (field url) what a cloud's address may not be: a private, loopback or special network that the provider
    does not allow, or a name that does not resolve."""
    check_address(url, WEBHOOK, "url", allow_private=False, must_resolve=True)


def send(delivery: Delivery) -> str:
    """Post the stored body; the receiver's answer in words. Raise NotDelivered for anything but 2xx."""
    secret: Any = delivery.channel.signing_secret
    address: Any = delivery.channel.url
    url, timestamp = address.reveal(), int(time.time())
    headers = {
        "content-type": "application/json",
        "user-agent": "Smart-Licensing-Partner-Portal",
        "webhook-id": str(delivery.uuid),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secret.reveal(), str(delivery.uuid), timestamp, delivery.body),
    }
    status, content = _post(url, delivery.body.encode(), headers)
    words = " ".join(content.decode("utf-8", "replace").replace("\0", "").split())
    answer = f"{status} {words}".strip()
    if 300 <= status < 400:
        raise NotDelivered(f"{answer}: it wants to send us to another address; that is not followed.")
    if not 200 <= status < 300:
        raise NotDelivered(answer)
    return answer


def _post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    host = urlsplit(url).hostname or ""
    try:
        check_url(url)
        with (
            _client(host) as client,
            client.stream("POST", url, content=body, headers=headers, extensions={"trace": _pin(host)}) as response,
        ):
            return response.status_code, _first_bytes(response)
    except (CssmError, Refusal) as error:
        raise NotDelivered(error.message) from None
    except httpx2.TimeoutException:
        raise NotDelivered(f"{host} did not answer in time.") from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise NotDelivered(f"{host} cannot be reached: {type(error).__name__}.") from None


def _client(host: str) -> httpx2.Client:
    timeout = httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
    return httpx2.Client(timeout=timeout, follow_redirects=False, trust_env=False)


def _first_bytes(response: httpx2.Response) -> bytes:
    end, content = time.monotonic() + ANSWER_SECONDS, b""
    for chunk in response.iter_bytes(SHOWN_BYTES):
        content += chunk
        if len(content) >= SHOWN_BYTES or time.monotonic() > end:
            break
    return content[:SHOWN_BYTES]


def _pin(host: str) -> Any:
    """Check the address that the connection really has, before a byte of ours goes over it."""

    def trace(event: str, info: dict[str, Any]) -> None:
        if event != "connection.connect_tcp.complete":
            return
        stream = info["return_value"]
        try:
            peer = str(stream.get_extra_info("server_addr")[0])
            check_peer(host, peer, WEBHOOK, allowed_networks=settings.ALLOWED_NETWORKS, allow_private=False)
        except CssmError:
            stream.close()
            raise

    return trace
