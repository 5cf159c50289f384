"""Aliases, their record, protection rules and proposals in Django admin; `artifacts.admin` has it loaded."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import CharField, HiddenInput, ModelChoiceField, ModelForm, UUIDField
from django.http import HttpRequest, HttpResponse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.actor import Actor
from accounts.admin import ReadOnlyAdmin, VerbAdmin
from artifacts import errors, validators
from artifacts.aliases import aliases, protection
from artifacts.models import AliasChange, AliasProposal, AliasRule, ArtifactAlias, ArtifactVersion
from artifacts.models.rule import SCOPES
from core import long_values

_MAX_CHANGES = 50


class VersionField(ModelChoiceField):
    def label_from_instance(self, version: ArtifactVersion) -> str:
        names = ", ".join(row.alias for row in version.aliases.all())
        return f"{version.version} ({names})" if names else version.version


class MoveForm(ModelForm):
    """The new version and the reason; the alias moves only if it is still at the version that the form showed."""

    version = VersionField(ArtifactVersion.objects.none(), empty_label=None, widget=UnfoldAdminSelectWidget)
    reason = CharField(
        max_length=validators.MAX_REASON_LENGTH,
        widget=UnfoldAdminTextInputWidget,
        help_text="Stored permanently in the history.",
    )
    seen = UUIDField(widget=HiddenInput)

    class Meta:
        model = ArtifactAlias
        fields = ("version",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        newest_first = self.instance.artifact.versions.finalized().order_by("-number")
        self.fields["version"].queryset = newest_first.prefetch_related("aliases")
        self.fields["seen"].initial = self.instance.version_id

    def clean_version(self) -> ArtifactVersion:
        version: ArtifactVersion = self.cleaned_data["version"]
        if version.pk == self.instance.version_id:
            raise ValidationError(f"{self.instance.alias} already points to {version.version}.")
        return version


@admin.register(ArtifactAlias)
class ArtifactAliasAdmin(VerbAdmin):
    form = MoveForm
    list_display = ("alias", "artifact_name", "at", "created_by", "created_at", "updated_at")
    list_display_links = ("alias",)
    list_filter = ("updated_at",)
    search_fields = ("alias", "artifact__name", "artifact__project__name", "artifact__project__team__name")
    ordering = ("-updated_at", "id")
    show_full_result_count = False
    fields = ("alias", "artifact_name", "version", "reason", "seen", "created_by", "created_at", "updated_at")
    readonly_fields = ("alias", "artifact_name", "created_by", "created_at", "updated_at")
    change_form_after_template = "admin/artifacts/alias_history.html"
    delete_confirmation_template = "admin/artifacts/alias_delete.html"
    delete_selected_confirmation_template = "admin/artifacts/alias_delete_selected.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ArtifactAlias]:
        rows = super().get_queryset(request).select_related("artifact__project__team", "version", "created_by")
        return long_values.defer(rows, "artifact", "artifact__project", "version")

    @admin.display(description="artifact", ordering="artifact__name")
    def artifact_name(self, row: ArtifactAlias) -> str:
        return row.artifact.full_name

    @admin.display(description="points to", ordering="version__number")
    def at(self, row: ArtifactAlias) -> str:
        return row.version.version

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        row = kwargs["obj"]
        changes = AliasChange.objects.of(row.artifact, row.alias)[: _MAX_CHANGES + 1]
        context |= {"changes": changes[:_MAX_CHANGES], "has_more_changes": len(changes) > _MAX_CHANGES}
        return super().render_change_form(request, context, **kwargs)

    def save_model(self, request: HttpRequest, obj: ArtifactAlias, form: ModelForm, change: bool) -> None:
        data = form.cleaned_data
        actor = Actor.from_admin(request, data["reason"])
        aliases.move(actor, obj.artifact, obj.alias, data["version"], expected=data["seen"])

    def delete_model(self, request: HttpRequest, obj: ArtifactAlias) -> None:
        reason = request.POST.get("reason", "").strip()
        if not reason or len(reason) > validators.MAX_REASON_LENGTH:
            raise errors.Invalid(
                f"Enter a reason of up to {validators.MAX_REASON_LENGTH} characters. It is stored permanently."
            )
        aliases.remove(Actor.from_admin(request, reason), obj.artifact, obj.alias)


class FromAndTo:
    """The columns of an admin whose rows lead from a version to another, or from or to nowhere."""

    @admin.display(description="from", empty_value="nowhere")
    def version_before(self, row: AliasChange | AliasProposal) -> str | None:
        return row.before

    @admin.display(description="to", empty_value="nowhere")
    def version_after(self, row: AliasChange | AliasProposal) -> str | None:
        return row.after


@admin.register(AliasChange)
class AliasChangeAdmin(FromAndTo, ReadOnlyAdmin):
    """Shows its own columns only, because the rows that it points to may be deleted."""

    list_display = (
        "created_at",
        "artifact_name",
        "alias",
        "version_before",
        "version_after",
        "changed_by_name",
        "channel",
        "key_name",
        "reason",
    )
    list_filter = ("channel", "created_at")
    search_fields = ("alias", "artifact_name", "changed_by_name", "key_name", "reason")
    ordering = ("-id",)
    show_full_result_count = False
    fields = (*list_display, "is_rollback", "number", "proposal_id")
    readonly_fields = fields


class RuleForm(ModelForm):
    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        given = [scope for scope in SCOPES if data.get(scope)]
        if self.instance._state.adding and len(given) != 1:
            raise ValidationError("Choose exactly one of team, project and artifact.")
        return data


@admin.register(AliasRule)
class AliasRuleAdmin(VerbAdmin):
    form = RuleForm
    list_display = ("pattern", "scope", "role", "needs_approval", "created_by", "created_at", "updated_at")
    list_filter = ("role", "needs_approval", "created_at")
    search_fields = (
        "pattern",
        "team__name",
        "project__name",
        "project__team__name",
        "artifact__name",
        "artifact__project__name",
    )
    autocomplete_fields = SCOPES
    fields = (*SCOPES, "pattern", "role", "needs_approval")
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[AliasRule]:
        return super().get_queryset(request).for_display()

    def get_fields(self, request: HttpRequest, obj: AliasRule | None = None) -> tuple[str, ...]:
        return ("scope", "pattern", "role", "needs_approval", "created_by", "created_at") if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: AliasRule | None = None) -> tuple[str, ...]:
        """The scope of a rule cannot be changed."""
        return ("scope", "created_by", "created_at") if obj else ()

    def save_model(self, request: HttpRequest, obj: AliasRule, form: ModelForm, change: bool) -> None:
        data = form.cleaned_data
        if change:
            row = AliasRule.objects.for_display().get(pk=obj.pk)
            protection.update(Actor.from_admin(request), row, **{column: data[column] for column in form.changed_data})
            return
        scope = next(data[scope] for scope in SCOPES if data[scope])
        obj.pk = protection.create(
            Actor.from_admin(request), scope, data["pattern"], role=data["role"], needs_approval=data["needs_approval"]
        ).pk

    def delete_model(self, request: HttpRequest, obj: AliasRule) -> None:
        protection.delete(Actor.from_admin(request), obj)


@admin.register(AliasProposal)
class AliasProposalAdmin(FromAndTo, ReadOnlyAdmin):
    """Users propose and decide on the artifact's pages; staff move aliases without approval."""

    list_display = (
        "created_at",
        "artifact_name",
        "alias",
        "version_before",
        "version_after",
        "state",
        "proposed_by",
        "decided_by",
        "decided_at",
    )
    list_filter = ("state", "created_at", "decided_at")
    search_fields = (
        "alias",
        "artifact__name",
        "artifact__project__name",
        "artifact__project__team__name",
        "reason",
        "comment",
    )
    fields = (*list_display, "is_rollback", "reason", "comment")
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[AliasProposal]:
        return super().get_queryset(request).for_display()

    @admin.display(description="artifact", ordering="artifact__name")
    def artifact_name(self, proposal: AliasProposal) -> str:
        return proposal.artifact.full_name
