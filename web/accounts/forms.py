"""Forms to sign in and up, for API keys, teams and members. What is allowed is for the verbs to say."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib.auth import authenticate, password_validation
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone

from accounts import errors
from accounts.models import Role, Scope, User
from core import mail
from core.validators import validate_single_line

_EXPIRY_CHOICES = [("7", "in 7 days"), ("30", "in 30 days"), ("90", "in 90 days"), ("365", "in a year"), ("", "never")]


class SignInForm(AuthenticationForm):
    """The same answer for a wrong name and a wrong password, so that nobody learns who has an account."""

    error_messages = {
        "invalid_login": "Wrong username or password. Both are case-sensitive.",
        "inactive": "Wrong username or password. Both are case-sensitive.",
    }

    retry_after: int | None = None

    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()
        except errors.TooManySignIns as refusal:
            self.retry_after = refusal.retry_after
            raise ValidationError(str(refusal), code="wait") from refusal


class _NewPasswordForm(forms.Form):
    """A password typed twice, that the server's rules allow for the person: it may not be like their name."""

    user = User()
    new = forms.CharField(
        label="New password",
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 8 characters, and not a common password.",
    )
    again = forms.CharField(
        label="Confirm password",
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_again(self) -> str:
        if self.cleaned_data["again"] != self.cleaned_data.get("new", self.cleaned_data["again"]):
            raise ValidationError("The passwords do not match.")
        return self.cleaned_data["again"]

    def clean(self) -> dict[str, Any]:
        new = self.cleaned_data.get("new")
        if new:
            try:
                password_validation.validate_password(new, self.user)
            except ValidationError as error:
                self.add_error("new", error)
        return self.cleaned_data


class SignUpForm(_NewPasswordForm):
    username = forms.CharField(
        max_length=64,
        strip=False,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "autofocus": True}),
        help_text="Letters, digits, dots, dashes and underscores. Your personal team gets the same name.",
    )
    field_order = ["username", "new", "again"]

    def clean(self) -> dict[str, Any]:
        self.user = User(username=self.cleaned_data.get("username", ""))
        return super().clean()


class PasswordForm(_NewPasswordForm):
    current = forms.CharField(
        label="Current password",
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )
    field_order = ["current", "new", "again"]

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        self.user = request.user

    def clean_current(self) -> str:
        """Checked as at a sign-in, so that it cannot be guessed faster than there. Raises `TooManySignIns`."""
        current = self.cleaned_data["current"]
        if authenticate(self.request, username=self.user.username, password=current) is None:
            raise ValidationError("Wrong password.")
        return current


class EmailForm(forms.Form):
    email = forms.EmailField(
        label="E-mail",
        required=False,
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True}),
        help_text="We send a link to this address to confirm it. Leave empty to get no e-mail.",
    )


class KeyForm(forms.Form):
    name = forms.CharField(
        max_length=100,
        validators=[validate_single_line],
        help_text="Where you will use it, such as laptop, training cluster or CI.",
        widget=forms.TextInput(attrs={"autofocus": True}),
    )
    scope = forms.ChoiceField(choices=[(Scope.WRITE, "Read & write"), (Scope.READ, "Read only")])
    days = forms.ChoiceField(label="Expires", choices=_EXPIRY_CHOICES, initial="90", required=False)

    def expires_at(self) -> datetime | None:
        days = self.cleaned_data["days"]
        return timezone.now() + timedelta(days=int(days)) if days else None


class TeamForm(forms.Form):
    name = forms.CharField(
        max_length=64,
        strip=False,
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autofocus": True}),
        help_text="Letters, digits, dots, dashes and underscores; used in URLs.",
    )
    display_name = forms.CharField(
        max_length=200,
        required=False,
        validators=[validate_single_line],
        help_text="Optional. Shown instead of the name.",
    )


class RoleForm(forms.Form):
    CHOICES = (
        (Role.VIEWER, "Viewer: can see and download everything"),
        (Role.EDITOR, "Editor: also logs artifacts and moves aliases"),
        (Role.ADMIN, "Admin: also manages members"),
    )
    role = forms.ChoiceField(choices=CHOICES, initial=Role.EDITOR)

    def clean_role(self) -> Role:
        return Role(self.cleaned_data["role"])


class MemberForm(RoleForm):
    username = forms.CharField(
        max_length=64,
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off", "autofocus": True}),
    )
    field_order = ["username", "role"]


class ServiceAccountForm(forms.Form):
    username = forms.CharField(
        max_length=64,
        strip=False,
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off", "autofocus": True}),
        help_text="Letters, digits, dots, dashes and underscores, such as nightly-training.",
    )
    description = forms.CharField(
        max_length=150, required=False, validators=[validate_single_line], help_text="Optional. What uses it."
    )
    role = forms.ChoiceField(choices=RoleForm.CHOICES[:2], initial=Role.EDITOR)

    def clean_role(self) -> Role:
        return Role(self.cleaned_data["role"])


class InvitationForm(RoleForm):
    email = forms.EmailField(required=False, label="E-mail")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].help_text = (
            "Optional. We send the link to it, and show it to you too."
            if mail.is_configured()
            else "Optional label. No e-mail is sent: share the link yourself."
        )
