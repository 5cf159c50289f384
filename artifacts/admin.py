"""The registry at the operator's desk: everything to look at, and changes by the same verbs as everywhere."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.admin import TabularInline

from accounts.admin import OperatorAdmin, ReadOnlyAdmin
from accounts.origin import Face, Origin
from accounts.permissions import as_operator
from artifacts import aliases, artifacts, tasks, versions
from artifacts.models import (
    AliasChange,
    Artifact,
    ArtifactAlias,
    ArtifactDownload,
    ArtifactFile,
    ArtifactTag,
    ArtifactUsage,
    ArtifactVersion,
    Blob,
    Pulse,
    StoredObject,
)


class TagInline(TabularInline):
    model = ArtifactTag
    extra = 0
    fields = readonly_fields = ("tag",)
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Artifact)
class ArtifactAdmin(OperatorAdmin):
    list_display = ("name", "project", "type", "latest_version", "version_count", "updated_at")
    list_filter = ("type", "auto_latest", "updated_at")
    search_fields = ("name", "description", "project__name", "project__team__name")
    list_select_related = ("project__team",)
    readonly_fields = (
        "project", "type", "version_count", "latest_version", "created_by", "created_at", "updated_at",
    )  # fmt: skip
    inlines = (TagInline,)
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Artifact, form: ModelForm, change: bool) -> None:
        changes = {column: form.cleaned_data[column] for column in form.changed_data}
        artifacts.update(as_operator(request.user), obj, **changes)

    def delete_model(self, request: HttpRequest, obj: Artifact) -> None:
        artifacts.delete(as_operator(request.user), obj)


@admin.register(ArtifactVersion)
class ArtifactVersionAdmin(ReadOnlyAdmin):
    list_display = ("artifact", "version", "state", "integrity", "file_count", "total_size", "run", "finalized_at")
    list_filter = ("state", "integrity", "artifact__type", "finalized_at")
    search_fields = ("artifact__name", "digest", "artifact__project__name")
    list_select_related = ("artifact__project__team", "run")
    actions = ("verify_again", "delete_versions")
    show_full_result_count = False

    @admin.action(description="Read the bytes that no worker has read")
    def verify_again(self, request: HttpRequest, queryset: QuerySet[ArtifactVersion]) -> None:
        for version in queryset:
            tasks.verify.delay(str(version.pk))
        self.message_user(request, "Workers were told. The integrity changes when they are done.")

    @admin.action(description="Delete versions that no alias points at", permissions=["operate"])
    def delete_versions(self, request: HttpRequest, queryset: QuerySet[ArtifactVersion]) -> None:
        for version in queryset.exclude(state=ArtifactVersion.State.DELETED).select_related("artifact__project__team"):
            versions.delete(as_operator(request.user), version, Origin(face=Face.ADMIN))

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("artifacts.delete_artifactversion")


@admin.register(ArtifactAlias)
class ArtifactAliasAdmin(ReadOnlyAdmin):
    list_display = ("alias", "artifact", "version", "created_by", "created_at", "updated_at")
    list_filter = ("updated_at",)
    search_fields = ("alias", "artifact__name")
    list_select_related = ("artifact", "version__artifact", "created_by")
    actions = ("remove_aliases",)
    show_full_result_count = False

    @admin.action(description="Remove aliases", permissions=["operate"])
    def remove_aliases(self, request: HttpRequest, queryset: QuerySet[ArtifactAlias]) -> None:
        for row in queryset.select_related("artifact__project__team"):
            aliases.remove(as_operator(request.user), row.artifact, row.alias, Origin(face=Face.ADMIN))

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("artifacts.delete_artifactalias")


@admin.register(AliasChange)
class AliasChangeAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "artifact", "alias", "from_version", "to_version", "changed_by", "face", "reason")
    list_filter = ("face", "created_at")
    search_fields = ("alias", "artifact__name", "reason")
    list_select_related = ("artifact", "from_version__artifact", "to_version__artifact", "changed_by")
    ordering = ("-id",)
    show_full_result_count = False


@admin.register(ArtifactFile)
class ArtifactFileAdmin(ReadOnlyAdmin):
    list_display = ("path", "version", "size", "mime_type", "created_at")
    search_fields = ("path", "version__artifact__name", "blob__sha256")
    list_select_related = ("version__artifact",)
    ordering = ("-id",)
    show_full_result_count = False


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


@admin.register(ArtifactUsage)
class ArtifactUsageAdmin(ReadOnlyAdmin):
    list_display = ("run", "version", "created_at")
    list_filter = ("created_at",)
    search_fields = ("run__name", "version__artifact__name")
    list_select_related = ("run", "version__artifact")
    show_full_result_count = False


@admin.register(ArtifactDownload)
class ArtifactDownloadAdmin(ReadOnlyAdmin):
    list_display = ("downloaded_at", "version", "file", "user", "ip_address", "user_agent")
    list_filter = ("downloaded_at",)
    search_fields = ("version__artifact__name", "user__username", "ip_address")
    list_select_related = ("version__artifact", "file", "user")
    show_full_result_count = False


@admin.register(Pulse)
class PulseAdmin(ReadOnlyAdmin):
    list_display = ("name", "at")
