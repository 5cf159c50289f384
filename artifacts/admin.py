"""Django admin of the registry. Changes go through the same verbs as everywhere."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.admin import TabularInline

from accounts.actor import Actor
from accounts.admin import ReadOnlyAdmin, VerbAdmin
from artifacts import artifacts, tasks, versions
from artifacts.aliases import admin as aliases_admin
from artifacts.models import (
    Artifact,
    ArtifactDownload,
    ArtifactFile,
    ArtifactTag,
    ArtifactUsage,
    ArtifactVersion,
    Blob,
    PendingDeletion,
    Reconciliation,
    StoredObject,
    VersionSource,
)
from artifacts.references import admin as references_admin
from artifacts.references import uris

# Registered where they are.
__all__ = ["aliases_admin", "references_admin"]


class TagInline(TabularInline):
    model = ArtifactTag
    extra = 0
    fields = readonly_fields = ("tag",)
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Artifact)
class ArtifactAdmin(VerbAdmin):
    list_display = ("name", "project", "type", "kind", "latest_version", "version_count", "updated_at")
    list_filter = ("kind", "type", "auto_latest", "updated_at")
    search_fields = ("name", "description", "project__name", "project__team__name")
    list_select_related = ("project__team",)
    readonly_fields = (
        "project",
        "type",
        "kind",
        "version_count",
        "latest_version",
        "created_by",
        "created_at",
        "updated_at",
    )
    inlines = (TagInline,)
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Artifact, form: ModelForm, change: bool) -> None:
        changes = {column: form.cleaned_data[column] for column in form.changed_data}
        artifacts.update(Actor.from_admin(request), obj, **changes)

    def delete_model(self, request: HttpRequest, obj: Artifact) -> None:
        artifacts.delete(Actor.from_admin(request), obj)


@admin.register(ArtifactVersion)
class ArtifactVersionAdmin(ReadOnlyAdmin):
    list_display = (
        "artifact",
        "version",
        "state",
        "integrity",
        "file_count",
        "total_size",
        "reference_count",
        "reference_state",
        "run",
        "finalized_at",
    )
    list_filter = ("state", "integrity", "reference_state", "artifact__type", "finalized_at")
    search_fields = ("artifact__name", "digest", "artifact__project__name")
    list_select_related = ("artifact__project__team", "run")
    actions = ("verify_again", "delete_versions")
    show_full_result_count = False

    @admin.action(description="Verify unverified bytes again")
    def verify_again(self, request: HttpRequest, queryset: QuerySet[ArtifactVersion]) -> None:
        for version in queryset:
            tasks.verify.delay(str(version.pk))
        self.message_user(request, "Verification queued. The integrity changes when the workers are done.")

    @admin.action(description="Delete versions that no alias points to", permissions=["operate"])
    def delete_versions(self, request: HttpRequest, queryset: QuerySet[ArtifactVersion]) -> None:
        for version in queryset.exclude(state=ArtifactVersion.State.DELETED).select_related("artifact__project__team"):
            versions.delete(Actor.from_admin(request), version)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("artifacts.delete_artifactversion")


@admin.register(ArtifactFile)
class ArtifactFileAdmin(ReadOnlyAdmin):
    list_display = ("path", "version", "size", "mime_type", "reference", "reference_state", "created_at")
    search_fields = ("path", "version__artifact__name", "blob__sha256")
    list_select_related = ("version__artifact",)
    # In its place `reference`.
    exclude = ("reference_uri",)
    readonly_fields = ("reference",)
    ordering = ("-id",)
    show_full_result_count = False

    @admin.display(description="reference", empty_value="-")
    def reference(self, file: ArtifactFile) -> str | None:
        """The URI without what grants access."""
        return uris.without_secrets(file.reference_uri) if file.reference_uri else None


@admin.register(Blob)
class BlobAdmin(ReadOnlyAdmin):
    list_display = ("sha256", "md5", "size", "state", "project", "object", "offset", "claimed_at")
    list_filter = ("state", "claimed_at")
    search_fields = ("sha256", "md5")
    list_select_related = ("project__team", "object")
    ordering = ("-id",)
    show_full_result_count = False


@admin.register(StoredObject)
class StoredObjectAdmin(ReadOnlyAdmin):
    list_display = ("key", "kind", "size", "state", "is_bound", "created_at")
    list_filter = ("kind", "state", "created_at")
    search_fields = ("key", "sha256")
    ordering = ("-id",)
    show_full_result_count = False


@admin.register(PendingDeletion)
class PendingDeletionAdmin(ReadOnlyAdmin):
    list_display = ("key", "is_prefix", "created_at", "next_attempt_at", "failures", "last_error")
    list_filter = ("is_prefix", "created_at")
    search_fields = ("key",)
    ordering = ("-failures", "next_attempt_at")
    show_full_result_count = False


@admin.register(Reconciliation)
class ReconciliationAdmin(ReadOnlyAdmin):
    list_display = ("finished_at", "object_count", "stray_count", "missing_count")
    ordering = ("-id",)


@admin.register(ArtifactUsage)
class ArtifactUsageAdmin(ReadOnlyAdmin):
    list_display = ("run", "version", "created_at")
    list_filter = ("created_at",)
    search_fields = ("run__name", "version__artifact__name")
    list_select_related = ("run", "version__artifact")
    show_full_result_count = False


@admin.register(VersionSource)
class VersionSourceAdmin(ReadOnlyAdmin):
    list_display = ("version", "source", "requested_as", "created_at")
    list_filter = ("created_at",)
    search_fields = ("version__artifact__name", "source__artifact__name")
    list_select_related = ("version__artifact", "source__artifact")
    show_full_result_count = False


@admin.register(ArtifactDownload)
class ArtifactDownloadAdmin(ReadOnlyAdmin):
    list_display = ("downloaded_at", "version", "file", "user", "ip_address", "user_agent")
    list_filter = ("downloaded_at",)
    search_fields = ("version__artifact__name", "user__username", "ip_address")
    list_select_related = ("version__artifact", "file", "user")
    show_full_result_count = False
