"""What a list says while no sync has brought anything."""

from collections.abc import Callable

from django.urls import reverse

from kit.lists import Empty
from licensing.accounts.models import SmartAccount

NOTHING_KNOWN = Empty(
    "hourglass", "Nothing is known yet", "What Cisco says comes with the first sync of a smart account.",
    "/", "See the first steps",
)  # fmt: skip


def all_clear(title: str, text: str) -> Callable[[], Empty]:
    """For lists whose emptiness is good news: before the first sync it is none."""
    return lambda: Empty("circle-check", title, text) if SmartAccount.objects.synced().exists() else NOTHING_KNOWN


def to_smart_accounts() -> tuple[str, str]:
    """The button of an `Empty` that a sync fills."""
    return reverse("smart-accounts"), "Go to smart accounts"
