"""Read the forms for users and API tokens."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils import timezone

from people.models import ApiToken, Role, User

ROLES = {
    Role.OWNER: "Owner: everything, with license servers, smart accounts, users and alert rules",
    Role.OPERATOR: "Operator: customers, clusters, assignments, syncs and registration tokens",
    Role.VIEWER: "Viewer: reads everything, changes nothing",
}
DAYS = [("30", "30 days"), ("90", "90 days"), ("365", "1 year"), ("", "No end")]


def password_field() -> forms.CharField:
    return forms.CharField(
        label="Password",
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 8 characters, and hard to guess. Leave empty to have one generated and shown once.",
    )


class UserForm(forms.ModelForm):
    role = forms.ChoiceField(choices=list(ROLES.items()), widget=forms.RadioSelect, initial=Role.VIEWER)

    class Meta:
        model = User
        fields = ["email", "name", "role"]
        labels = {"email": "Email", "name": "Name"}

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].strip().lower()
        other = User.objects.filter(email__iexact=email).exclude(pk=self.instance.pk).first()
        if other is not None:
            hint = "" if other.is_active else " The user is deactivated. Reactivate the user instead."
            raise forms.ValidationError(f"A user with this address exists already.{hint}")
        return email


class NewUserForm(UserForm):
    password = password_field()

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        check_password(self, User(email=cleaned.get("email", ""), name=cleaned.get("name", "")))
        return cleaned


class ProfileForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ["name"]


class PasswordForm(forms.Form):
    password = password_field()

    def __init__(self, user: User, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.user = user

    def clean(self) -> dict[str, Any]:
        check_password(self, self.user)
        return self.cleaned_data


class ApiTokenForm(forms.ModelForm):
    ends_in = forms.ChoiceField(label="Ends after", choices=DAYS, required=False, initial="365")

    class Meta:
        model = ApiToken
        fields = ["user", "name", "scope"]
        help_texts = {
            "user": "The token may do what this user's role allows, and stops working with the user.",
            "name": "What the token is for, for example “billing export”.",
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["user"].queryset = User.objects.filter(is_active=True)  # type: ignore[attr-defined]
        self.fields["user"].label_from_instance = (  # type: ignore[attr-defined]
            lambda user: f"{user.email} ({user.get_role_display()})"
        )

    def expires_at(self) -> datetime | None:
        days = self.cleaned_data["ends_in"]
        return timezone.now() + timedelta(days=int(days)) if days else None


def check_password(form: forms.BaseForm, user: User) -> None:
    password = form.cleaned_data.get("password")
    if not password:
        return
    try:
        validate_password(password, user)
    except forms.ValidationError as error:
        form.add_error("password", error)
