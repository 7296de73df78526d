"""Word the lists that stay empty until the first sync."""

from collections.abc import Callable

from django.urls import reverse

from kit.lists import Empty
from licensing.accounts.models import SmartAccount

NOTHING_KNOWN = Empty(
    icon="hourglass",
    title="No data yet",
    text="Cisco's data appears after the first sync of a smart account.",
    href="/",
    action="See the first steps",
)


def all_clear(title: str, text: str) -> Callable[[], Empty]:
    """Return the words of a list whose emptiness is good news, but not before the first sync."""
    return lambda: Empty("circle-check", title, text) if SmartAccount.objects.synced().exists() else NOTHING_KNOWN


def to_smart_accounts() -> tuple[str, str]:
    """Return address and label of the button of an empty list that a sync fills."""
    return reverse("smart-accounts"), "Go to smart accounts"
