"""The form for alert rules."""

from typing import Any

from django import forms

from licensing.models import AlertRule

# Kinds whose threshold means something, and what it counts.
THRESHOLDS = {
    "term_ending": ("Days before the end", "An alert opens that many days before a term ends."),
    "instance_silent": ("Days without contact", "An alert opens when a product instance was silent for longer."),
    "sync_too_old": ("Hours since the last sync", "An alert opens when the numbers of a smart account are older."),
}


class AlertRuleForm(forms.ModelForm):
    class Meta:
        model = AlertRule
        fields = ["enabled", "threshold", "severity"]
        labels = {"enabled": "Watch this"}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.kind in THRESHOLDS:
            label, help_text = THRESHOLDS[self.instance.kind]
            self.fields["threshold"].label, self.fields["threshold"].help_text = (
                label,
                f"{help_text} Empty: the usual one.",
            )
        else:
            del self.fields["threshold"]
