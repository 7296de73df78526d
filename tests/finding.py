"""What an evaluation finds now."""

from licensing.alerts.evaluation import evaluate
from licensing.alerts.models import Alert


def found(kind: str) -> list[Alert]:
    """The open alerts of a kind after an evaluation."""
    evaluate()
    return list(Alert.objects.open().filter(kind=kind).order_by("id"))


def only(kind: str) -> Alert:
    [alert] = found(kind)
    return alert
