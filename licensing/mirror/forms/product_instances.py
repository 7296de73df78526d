"""Forms for what is done with a product instance at Cisco."""

from typing import Any

from django import forms
from django.db.models import F

from kit.forms.fields import PoolField
from licensing.mirror.models import ProductInstance, VirtualAccount


class RemoveInstanceForm(forms.Form):
    return_code = forms.CharField(
        label="Return code",
        max_length=500,
        required=False,
        help_text="For an instance with reserved licenses: the device shows it when the reservation is returned.",
    )


class ReplaceInstanceForm(RemoveInstanceForm):
    """Choose the device that replaced an instance.

    `successor` lists instances of the same product in the same smart account that registered later, newest first.
    """

    def __init__(self, instance: ProductInstance, data: Any = None) -> None:
        super().__init__(data)
        rows = ProductInstance.objects.present().exclude(pk=instance.pk).filter(udi_pid=instance.udi_pid)
        rows = rows.filter(virtual_account__smart_account=instance.virtual_account.smart_account_id)
        if instance.registered_at:
            rows = rows.exclude(registered_at__lt=instance.registered_at)
        self.fields["successor"] = forms.ModelChoiceField(
            queryset=rows.order_by(F("registered_at").desc(nulls_last=True), "pk"),
            label="Replaced by",
            empty_label="Choose one",
            help_text="Instances of the same product that registered later, newest first.",
        )
        self.order_fields(["successor", "return_code"])


class TransferInstanceForm(forms.Form):
    """Move an instance to another pool of its smart account; the ordered pool serves no applications.

    `planned` is the pool to which its cluster is assigned.
    """

    def __init__(self, instance: ProductInstance, planned: int | None, data: Any = None) -> None:
        super().__init__(data, initial={"virtual_account": planned})
        pools = VirtualAccount.objects.present().filter(smart_account=instance.virtual_account.smart_account_id)
        pools = pools.exclude(pk=instance.virtual_account_id).serving()
        self.fields["virtual_account"] = PoolField(queryset=pools.select_related("smart_account"), label="Move to")
