"""What a set of moves does, in REST."""

from typing import Any

from rest_framework import serializers

from licensing.alerts.models import Kind, Severity
from licensing.alerts.replay.supposed import AlertChange


class TransferAmountsSerializer(serializers.Serializer[Any]):
    owned = serializers.IntegerField()
    in_use = serializers.IntegerField()
    free = serializers.IntegerField()
    short = serializers.IntegerField(help_text="By the rules of allocation, with what they lend.")


class TransferSideSerializer(serializers.Serializer[Any]):
    virtual_account = serializers.IntegerField(source="virtual_account.pk")
    license = serializers.CharField(help_text="As Cisco spells it.")
    before = TransferAmountsSerializer()
    after = TransferAmountsSerializer()


class TransferAlertSerializer(serializers.Serializer[Any]):
    change = serializers.SerializerMethodField()
    kind = serializers.ChoiceField(choices=Kind.choices)
    severity = serializers.ChoiceField(choices=Severity.choices)
    rule = serializers.CharField()
    subject = serializers.CharField()
    place = serializers.CharField()
    summary = serializers.CharField()

    def get_change(self, alert: AlertChange) -> str:
        return "opens" if alert.opens else "closes"


class TransferEffectSerializer(serializers.Serializer[Any]):
    """Alerts on terms are left out: Cisco chooses which terms move."""

    sides = TransferSideSerializer(many=True, help_text="Each license that changes in a virtual account.")
    alerts = TransferAlertSerializer(many=True, help_text="What the next evaluation would open and close.")
