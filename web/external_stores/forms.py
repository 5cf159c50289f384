"""The form of an external store. What is allowed is for the verbs to say; a credential is written and never shown."""

from typing import Any

from django import forms

from artifacts.models import ExternalStore, ReadsAs
from artifacts.references.credentials import MAX_LENGTH
from core import url_policy
from web.forms import RetryForm

_SECRETS = ("access_key_id", "secret_access_key", "service_account", "account_key")
_PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class SecretTextarea(forms.Textarea):
    """Empty whenever it is shown, also after a mistake: what was typed into it goes nowhere but to the server."""

    def format_value(self, value: Any) -> str:
        return ""


class StoreForm(RetryForm):
    name = forms.CharField(
        max_length=100,
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "off"}),
        help_text="Shown beside references into this store.",
    )
    prefix = forms.CharField(
        max_length=1100,
        widget=forms.TextInput(attrs={**_PLAIN, "placeholder": "s3://bucket/folder"}),
        help_text="s3://, gs:// or az://, then the bucket or container, and optionally a folder.",
    )
    endpoint = forms.CharField(
        required=False,
        max_length=url_policy.MAX_URL,
        widget=forms.TextInput(attrs={**_PLAIN, "placeholder": "https://minio.example.org"}),
        help_text="Only for S3-compatible stores such as MinIO.",
    )
    region = forms.CharField(
        required=False, max_length=64, widget=forms.TextInput(attrs=_PLAIN), help_text="S3 only. Default: us-east-1."
    )
    account = forms.CharField(
        label="Storage account", required=False, max_length=24, widget=forms.TextInput(attrs=_PLAIN),
        help_text="Azure only.",
    )  # fmt: skip
    reads_as = forms.ChoiceField(label="Read with", choices=ReadsAs.choices, initial=ReadsAs.STORE)
    access_key_id = forms.CharField(
        label="Access key ID", required=False, max_length=500, widget=forms.TextInput(attrs=_PLAIN),
        help_text="For S3, or an HMAC key for Google Cloud Storage.",
    )  # fmt: skip
    secret_access_key = forms.CharField(
        required=False, max_length=500, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )
    service_account = forms.CharField(
        label="Service account key", required=False, max_length=MAX_LENGTH,
        widget=SecretTextarea(attrs={**_PLAIN, "rows": 3}), help_text="JSON key for Google Cloud Storage.",
    )  # fmt: skip
    account_key = forms.CharField(
        required=False, max_length=500, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Key of the Azure storage account.",
    )  # fmt: skip

    def __init__(self, *args: Any, store: ExternalStore | None = None, is_operator: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Also when it is shown again: it is a long form, and what was refused stands at its top.
        self.fields["name"].widget.attrs["autofocus"] = True
        if not is_operator:
            choices = [choice for choice in ReadsAs.choices if choice[0] != ReadsAs.SERVER]
            self.fields["reads_as"].choices = choices
        if store is not None and store.has_credentials:
            self.fields["access_key_id"].help_text = "Leave all four empty to keep the current credentials."

    @classmethod
    def initial_of(cls, store: ExternalStore) -> dict[str, Any]:
        names = ("name", "prefix", "endpoint", "region", "account", "reads_as")
        return {name: getattr(store, name) for name in names}

    @property
    def arguments(self) -> dict[str, Any]:
        """Those of `external_stores.create` and `update`."""
        fields = {name: value for name, value in self.cleaned_data.items() if name not in _SECRETS}
        return fields | {"given": {name: self.cleaned_data[name] for name in _SECRETS if self.cleaned_data[name]}}


class StoreTestForm(RetryForm):
    path = forms.CharField(
        label="Object",
        required=False,
        max_length=1024,
        widget=forms.TextInput(attrs={**_PLAIN, "autofocus": True, "placeholder": "train/part-0001.parquet"}),
        help_text="Path of an object under the prefix. Leave empty to test the bucket itself.",
    )
