"""What an evaluation finds now."""

from licensing.alerts import evaluate
from licensing.models import Alert


def found(kind: str) -> list[Alert]:
    """The open alerts of a kind after an evaluation."""
    evaluate()
    return list(Alert.objects.open().filter(kind=kind).order_by("id"))


def only(kind: str) -> Alert:
    [alert] = found(kind)
    return alert
