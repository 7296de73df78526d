"""A subscription belongs to one customer and has one license model (docs/domain.md#X5).

Pages, REST and the admin call the verb.
"""

from collections.abc import Mapping

from django.db import transaction

from kit.refusals import Refusal
from licensing.fleet.models import Customer
from licensing.mirror.models import LicenseLine, Subscription
from people import audit
from people.audit import Actor

Model = Subscription.LicenseModel
PERPETUAL_LINE = "PERPETUAL"  # Cisco's word on a line (docs/cisco-api.md#license-lines)


@transaction.atomic
def map_to(
    actor: Actor, subscription: Subscription, customer: Customer | None, license_model: str, note: str | None = None
) -> Subscription:
    """`customer` None: the partner itself, or nobody yet. `note` None: it stays."""
    if license_model not in Model.values:
        raise Refusal(
            f"{license_model!r} is not a license model.",
            f"Choose one of {', '.join(filter(None, Model.values))}.",
            "license_model",
        )
    if license_model == Model.PERPETUAL and customer is not None:
        raise Refusal(
            "Perpetual licenses belong to the partner, not to a customer.",
            "Leave the customer empty, or choose another license model.",
            "customer",
        )
    row = Subscription.objects.select_for_update(no_key=True).get(pk=subscription.pk)
    note = row.note if note is None else note.strip()
    audit.change(actor, "mapped", row, customer=customer, license_model=license_model, note=note)
    return row


def model_of(line: LicenseLine, known: Mapping[str, Subscription]) -> str:
    """The license model of a purchase line; `known`: the account's subscriptions by id. A perpetual line without a
    subscription is HCS perpetual; what nobody has mapped yet has none."""
    if line.subscription_id:
        found = known.get(line.subscription_id)
        return found.license_model if found else Model.UNSET
    return Model.PERPETUAL if line.type.upper() == PERPETUAL_LINE else Model.UNSET


def customer_of(line: LicenseLine, known: Mapping[str, Subscription]) -> Customer | None:
    """None: the partner's own, or not mapped yet."""
    found = known.get(line.subscription_id) if line.subscription_id else None
    return found.customer if found else None
