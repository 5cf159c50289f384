"""Forms to sign in and up, for API keys, teams and members. What is allowed is for the verbs to say."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts import login_throttle
from accounts.models import Role, Scope, User

_EXPIRY_CHOICES = [("7", "in 7 days"), ("30", "in 30 days"), ("90", "in 90 days"), ("365", "in a year"), ("", "never")]


class SignInForm(AuthenticationForm):
    """The same answer for a wrong name and a wrong password, so that nobody learns who has an account."""

    error_messages = {
        "invalid_login": "Username and password do not fit together. Both are case-sensitive.",
        "inactive": "Username and password do not fit together. Both are case-sensitive.",
    }

    def get_invalid_login_error(self) -> ValidationError:
        if login_throttle.is_locked_out(self.request, self.cleaned_data["username"]):
            minutes = login_throttle.WAIT_SECONDS // 60
            return ValidationError(f"Too many tries. Wait {minutes} minutes, then try again.", code="wait")
        return super().get_invalid_login_error()


class _NewPasswordForm(forms.Form):
    """A password typed twice, that the server's rules allow for the person: it may not be like their name."""

    user = User()
    new = forms.CharField(
        label="New password",
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 8 characters, and not a common word.",
    )
    again = forms.CharField(
        label="The same again",
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_again(self) -> str:
        if self.cleaned_data["again"] != self.cleaned_data.get("new", self.cleaned_data["again"]):
            raise ValidationError("The two passwords differ.")
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
        help_text="Letters, digits, dots, dashes and underscores. Your personal team bears it too.",
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

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_current(self) -> str:
        if not self.user.check_password(self.cleaned_data["current"]):
            raise ValidationError("This is not your password.")
        return self.cleaned_data["current"]


class KeyForm(forms.Form):
    name = forms.CharField(
        max_length=100,
        help_text="What will use it: laptop, training cluster, CI.",
        widget=forms.TextInput(attrs={"autofocus": True}),
    )
    scope = forms.ChoiceField(label="It may", choices=[(Scope.WRITE, "read and write"), (Scope.READ, "only read")])
    days = forms.ChoiceField(label="It expires", choices=_EXPIRY_CHOICES, initial="90", required=False)

    def expires_at(self) -> datetime | None:
        days = self.cleaned_data["days"]
        return timezone.now() + timedelta(days=int(days)) if days else None


class TeamForm(forms.Form):
    name = forms.CharField(
        max_length=64,
        strip=False,
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autofocus": True}),
        help_text="Letters, digits, dots, dashes and underscores; it stands in addresses.",
    )
    display_name = forms.CharField(
        max_length=200, required=False, help_text="How people call it, if they do otherwise."
    )


class RoleForm(forms.Form):
    role = forms.ChoiceField(
        choices=[
            (Role.VIEWER, "Viewer: sees and downloads everything"),
            (Role.EDITOR, "Editor: logs artifacts and moves aliases too"),
            (Role.ADMIN, "Admin: says who is in the team too"),
        ],
        initial=Role.EDITOR,
    )

    def clean_role(self) -> Role:
        return Role(self.cleaned_data["role"])


class MemberForm(RoleForm):
    username = forms.CharField(
        max_length=64,
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off", "autofocus": True}),
    )
    field_order = ["username", "role"]

    def clean_username(self) -> User:
        user = User.objects.filter(username=self.cleaned_data["username"].strip(), is_active=True).first()
        if user is None:
            raise ValidationError("There is no user of this name. Invite them by a link instead.")
        return user


class InvitationForm(RoleForm):
    email = forms.EmailField(
        required=False, help_text="So that you know whom the link was for. No mail is sent.", label="E-mail"
    )
