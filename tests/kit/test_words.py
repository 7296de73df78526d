"""One state, one label: what a badge shows is the label of the model's choice."""

from django.apps import apps
from django.db.models import Choices, Field, TextChoices
from django.utils.html import strip_tags

from kit.templatetags.components import badge
from kit.templatetags.words import LOOKS, WORDS, shown_choices
from licensing.accounts.models import LicenseServer
from licensing.alerts.models import Kind
from licensing.assignments.clusters.status import Status
from licensing.assignments.models import AutoRegistration
from licensing.mirror.models import SyncRun
from licensing.pools.worklist import Reason

OURS = {
    config.label for config in apps.get_app_configs() if config.name.startswith(("licensing.", "people", "tenants"))
}
# These choices share a value with a state, and are shown in words or with their own label, never by their value alone.
NEVER_BY_VALUE = {
    AutoRegistration.Side: {"on_prem"},
    Kind: {"out_of_compliance"},
    LicenseServer.Check: {"running"},
    LicenseServer.Kind: {"on_prem"},
    SyncRun.Reason: {"unavailable", "refused"},
}


def choices_of_all_models() -> set[type[Choices]]:
    """Every TextChoices that a column of ours uses, and those that no column holds."""
    nested = {
        value
        for model in apps.get_models()
        if model._meta.app_label in OURS
        for value in vars(model).values()
        if isinstance(value, type) and issubclass(value, TextChoices)
    }
    columns = {
        type(field.default)
        for model in apps.get_models()
        if model._meta.app_label in OURS
        for field in model._meta.get_fields()
        if isinstance(field, Field) and isinstance(field.default, TextChoices)
    }
    return nested | columns | {Kind, Status, Reason}


def text_of(value: str) -> str:
    return strip_tags(badge(value)).strip()


def test_badge_shows_the_label_of_the_choice() -> None:
    wrong = {
        (choices.__qualname__, choice.value, choice.label, text_of(choice.value))
        for choices in choices_of_all_models()
        for choice in choices
        if choice.value in LOOKS and text_of(choice.value) != choice.label
    }

    assert {(name, value) for name, value, _, _ in wrong} == {
        (choices.__qualname__, value) for choices, values in NEVER_BY_VALUE.items() for value in values
    }, wrong


def test_value_has_one_label_in_all_that_badges_show() -> None:
    found: dict[str, set[str]] = {}
    for choices in shown_choices():
        for choice in choices:
            if choice.value not in NEVER_BY_VALUE.get(choices, set()):
                found.setdefault(choice.value, set()).add(choice.label)

    assert [value for value, labels in found.items() if value and len(labels) > 1] == []
    assert set(WORDS) & set(found) == set()


def test_every_state_has_a_label_and_a_look() -> None:
    assert set(WORDS) <= set(LOOKS)
    assert [value for value in LOOKS if text_of(value) == value and value not in {"proxy", "direct", "on_prem"}] == []
