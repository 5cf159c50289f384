"""External stores and checks of references in Django admin; `artifacts.admin` has it loaded.

Staff are operators: what they make may read with the server's own credentials, and its endpoint may be private.
"""

from typing import Any

from django.contrib import admin
from django.forms import CharField, ChoiceField, ModelForm
from django.http import HttpRequest
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.actor import Actor
from accounts.admin import ReadOnlyAdmin, VerbAdmin
from artifacts.models import ExternalStore, ReadsAs, ReferenceCheck
from artifacts.references import external_stores
from artifacts.references.credentials import MAX_LENGTH

_SECRETS = ("access_key_id", "secret_access_key", "service_account", "account_key")
_LOCATION = ("name", "prefix", "endpoint", "region", "account")


class SecretTextarea(UnfoldAdminTextareaWidget):
    """Empty whenever it is shown."""

    def format_value(self, value: Any) -> str:
        return ""


class ExternalStoreForm(ModelForm):
    reads_as = ChoiceField(label="Read with", choices=ReadsAs.choices, widget=UnfoldAdminSelectWidget)
    access_key_id = CharField(
        label="Access key ID", required=False, max_length=500, widget=UnfoldAdminTextInputWidget,
        help_text="Of S3, or of an HMAC key of Google Cloud Storage. All four empty: the store keeps what it has.",
    )  # fmt: skip
    secret_access_key = CharField(required=False, max_length=500, widget=UnfoldAdminPasswordWidget)
    service_account = CharField(
        label="Service account key", required=False, max_length=MAX_LENGTH, widget=SecretTextarea,
        help_text="The JSON key for Google Cloud Storage.",
    )  # fmt: skip
    account_key = CharField(
        required=False, max_length=500, widget=UnfoldAdminPasswordWidget, help_text="Of the Azure storage account."
    )

    class Meta:
        model = ExternalStore
        fields = ("team", *_LOCATION)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reads_as"].initial = self.instance.reads_as if not self.instance._state.adding else ReadsAs.STORE

    @property
    def arguments(self) -> dict[str, Any]:
        """Those of the verbs."""
        given = {name: self.cleaned_data[name] for name in _SECRETS if self.cleaned_data[name]}
        return {name: self.cleaned_data[name] for name in (*_LOCATION, "reads_as")} | {"given": given}


@admin.register(ExternalStore)
class ExternalStoreAdmin(VerbAdmin):
    form = ExternalStoreForm
    list_display = ("name", "team", "prefix", "endpoint", "reads_as", "is_operated", "created_by", "created_at")
    list_filter = ("uses_server_credentials", "is_operated", "created_at")
    search_fields = ("name", "prefix", "endpoint", "team__name")
    list_select_related = ("team", "created_by")
    autocomplete_fields = ("team",)
    show_full_result_count = False

    def get_fields(self, request: HttpRequest, obj: ExternalStore | None = None) -> tuple[str, ...]:
        return ("team", *_LOCATION, "reads_as", *_SECRETS)

    def get_readonly_fields(self, request: HttpRequest, obj: ExternalStore | None = None) -> tuple[str, ...]:
        return ("team",) if obj else ()

    def save_model(self, request: HttpRequest, obj: ExternalStore, form: ExternalStoreForm, change: bool) -> None:
        actor = Actor.from_admin(request)
        if change:
            external_stores.update(actor, ExternalStore.objects.get(pk=obj.pk), **form.arguments)
        else:
            obj.pk = external_stores.create(actor, form.cleaned_data["team"], **form.arguments).pk

    def delete_model(self, request: HttpRequest, obj: ExternalStore) -> None:
        external_stores.delete(Actor.from_admin(request), obj)


@admin.register(ReferenceCheck)
class ReferenceCheckAdmin(ReadOnlyAdmin):
    list_display = ("version", "requested_by", "requested_at", "checked_count", "busy_until")
    list_select_related = ("version__artifact", "requested_by")
    ordering = ("turn_at", "id")
    show_full_result_count = False
