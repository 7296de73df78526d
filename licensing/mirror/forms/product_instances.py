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
    """`successor`: of the same product, registered since in the same smart account; the newest come first."""

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
            help_text="What has registered since, of the same product; the newest come first.",
        )
        self.order_fields(["successor", "return_code"])


class TransferInstanceForm(forms.Form):
    """Within its smart account; the ordered pool serves no applications. `planned`: where its cluster is assigned."""

    def __init__(self, instance: ProductInstance, planned: int | None, data: Any = None) -> None:
        super().__init__(data, initial={"virtual_account": planned})
        pools = VirtualAccount.objects.present().filter(smart_account=instance.virtual_account.smart_account_id)
        pools = pools.exclude(pk=instance.virtual_account_id).serving()
        self.fields["virtual_account"] = PoolField(queryset=pools.select_related("smart_account"), label="Move to")
