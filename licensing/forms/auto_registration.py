"""The form that switches auto registration on."""

from django import forms

from licensing.models import AutoRegistration


class AutoRegistrationForm(forms.ModelForm):
    class Meta:
        model = AutoRegistration
        fields = ["on_upgrade", "may_restart"]
