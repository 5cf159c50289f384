"""Serializers of artifacts, versions and files. They parse input; rules over several rows are in the verbs."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.artifacts.ttl_field import TtlField
from api.fields import JSONObjectField, ListItemMixin, ProseField, TagsField
from artifacts import validators
from artifacts.aliases.excerpts import MAX_ALIASES
from artifacts.models import Artifact, ArtifactFile, ArtifactUsage, ArtifactVersion, Blob
from artifacts.references import identities
from core.bounded_count import COUNT_LIMIT

_INTEGRITY = {
    Blob.State.EXPECTED: "missing",
    Blob.State.UPLOADED: "pending",
    Blob.State.VERIFIED: "verified",
    Blob.State.CORRUPT: "corrupt",
}


_ONLY_OF_REFERENCES = "Only there for references."
_REFERENCE_FIELDS = (
    "etag",
    "reference_uri",
    "reference_identity",
    "reference_version_id",
    "reference_state",
    "reference_checked_at",
    "reference_reason",
)


class ArtifactSerializer(serializers.ModelSerializer):
    """An artifact of a `for_display` queryset."""

    project = serializers.UUIDField(source="project_id")
    project_name = serializers.CharField(source="project.full_name")
    tags = TagsField()
    metadata = JSONObjectField()
    latest_version = serializers.CharField(allow_null=True)
    aliases = serializers.SerializerMethodField(help_text="Aliases of the latest version.")
    created_by = serializers.CharField(source="created_by.username", allow_null=True, default=None)
    url = serializers.SerializerMethodField()

    class Meta:
        model = Artifact
        fields = (
            "id",
            "name",
            "type",
            "kind",
            "project",
            "project_name",
            "description",
            "metadata",
            "tags",
            "auto_latest",
            "version_count",
            "latest_version",
            "aliases",
            "created_by",
            "created_at",
            "updated_at",
            "url",
        )

    def get_aliases(self, artifact: Artifact) -> list[str]:
        return artifact.newest_names

    def get_url(self, artifact: Artifact) -> str:
        return settings.BASE_URL + artifact.get_absolute_url()


class ArtifactDetailSerializer(ArtifactSerializer):
    """An artifact that `excerpts.attach` has seen as well."""

    alias_versions = serializers.SerializerMethodField(
        help_text=f"Its first {MAX_ALIASES} aliases, each with its version: protected and well-known names come first, "
        "semantic versions last."
    )
    alias_count = serializers.IntegerField(
        source="alias_excerpt.count", help_text=f"How many it has; {COUNT_LIMIT + 1} for any that are more."
    )

    class Meta(ArtifactSerializer.Meta):
        fields = (*ArtifactSerializer.Meta.fields, "alias_versions", "alias_count")

    def get_alias_versions(self, artifact: Artifact) -> dict[str, str]:
        return dict(artifact.alias_excerpt.first[:MAX_ALIASES])


class StorageUsageSerializer(serializers.Serializer):
    """In bytes."""

    stored = serializers.IntegerField(help_text="What the versions brought to the object store.")
    logical = serializers.IntegerField(help_text="The sizes of all files of finalized versions, without references.")
    saved = serializers.IntegerField(help_text="What was not stored again, since it was there.")


class ArtifactItemSerializer(ListItemMixin, ArtifactDetailSerializer):
    """An artifact in a list."""


class LinkedFromSerializer(serializers.Serializer):
    """The version that a link leads to; each is null where the reader does not see its project."""

    version_id = serializers.UUIDField(allow_null=True)
    full_name = serializers.CharField(allow_null=True, help_text="`team/project/name`")
    version = serializers.CharField(allow_null=True)


class VersionSerializer(serializers.ModelSerializer):
    """A version of a `for_display` queryset that `link_sources.attach` has seen, where it may be a link."""

    artifact_id = serializers.UUIDField()
    artifact_name = serializers.CharField(source="artifact.name")
    artifact_type = serializers.CharField(source="artifact.type")
    project = serializers.UUIDField(source="artifact.project_id")
    project_name = serializers.CharField(source="artifact.project.full_name")
    version = serializers.CharField(
        allow_null=True, help_text="`v3`; null in a draft that gets its number when it is finalized."
    )
    is_finalized = serializers.BooleanField()
    metadata = JSONObjectField()
    aliases = serializers.SerializerMethodField()
    tags = serializers.ListField(child=serializers.CharField(), help_text="The version's own, beside the artifact's.")
    ttl_seconds = TtlField(
        source="ttl",
        read_only=True,
        allow_null=True,
        help_text="How long it lives from when it was made, until `expires_at`; null for ever.",
    )
    run_id = serializers.UUIDField(allow_null=True)
    run_name = serializers.CharField(source="run.name", allow_null=True, default=None)
    created_by = serializers.CharField(source="created_by.username", allow_null=True, default=None)
    linked_from = serializers.SerializerMethodField(help_text="Only of a link in a collection; null otherwise.")
    url = serializers.SerializerMethodField()

    class Meta:
        model = ArtifactVersion
        fields = (
            "id",
            "artifact_id",
            "artifact_name",
            "artifact_type",
            "project",
            "project_name",
            "version",
            "number",
            "state",
            "is_finalized",
            "digest",
            "file_count",
            "total_size",
            "reference_count",
            "referenced_size",
            "reference_state",
            "references_checked_at",
            "storage_path",
            "integrity",
            "description",
            "notes",
            "metadata",
            "aliases",
            "tags",
            "run_id",
            "run_name",
            "created_by",
            "created_at",
            "finalized_at",
            "ttl_seconds",
            "expires_at",
            "linked_from",
            "url",
        )

    def get_aliases(self, version: ArtifactVersion) -> list[str]:
        return version.alias_names

    @extend_schema_field(LinkedFromSerializer(allow_null=True))
    def get_linked_from(self, version: ArtifactVersion) -> dict[str, Any] | None:
        if not version.is_link:
            return None
        source = getattr(version, "visible_source", None)
        if source is None:
            return dict.fromkeys(("version_id", "full_name", "version"))
        return {"version_id": source.pk, "full_name": source.artifact.full_name, "version": source.version}

    def get_url(self, version: ArtifactVersion) -> str:
        return settings.BASE_URL + version.get_absolute_url()


class VersionItemSerializer(ListItemMixin, VersionSerializer):
    """A version in a list."""


def integrity_of(state: str | None) -> str:
    """Of a file whose blob is in that state; None for a reference."""
    return _INTEGRITY[Blob.State(state)] if state else "external"


class EtagOfIdentityField(serializers.CharField):
    """The ETag in an identity; null for another identity."""

    def to_representation(self, identity: str) -> str | None:
        return identities.etag_of(identity)


class FileSerializer(serializers.ModelSerializer):
    """A file with its blob and object loaded."""

    version_id = serializers.UUIDField()
    storage_key = serializers.SerializerMethodField(help_text="Null of a reference, and of a file of a link.")
    sha256_hash = serializers.CharField(source="blob.sha256", allow_null=True, default=None)
    md5_hash = serializers.CharField(source="blob.md5", allow_null=True, default=None)
    executable = serializers.BooleanField(source="is_executable", required=False, help_text="Only there if true.")
    integrity = serializers.SerializerMethodField(
        help_text="`missing`, `pending`, `verified` or `corrupt`; `external` of a reference."
    )
    is_reference = serializers.BooleanField()
    etag = EtagOfIdentityField(
        source="reference_identity",
        required=False,
        allow_null=True,
        help_text="Of a reference whose identity it is. " + _ONLY_OF_REFERENCES,
    )

    class Meta:
        model = ArtifactFile
        fields = (
            "id",
            "version_id",
            "path",
            "name",
            "size",
            "mime_type",
            "executable",
            "storage_key",
            "sha256_hash",
            "md5_hash",
            "integrity",
            "created_at",
            "is_reference",
            *_REFERENCE_FIELDS,
        )
        extra_kwargs = {name: {"help_text": _ONLY_OF_REFERENCES, "required": False} for name in _REFERENCE_FIELDS[1:]}

    def to_representation(self, file: ArtifactFile) -> dict[str, Any]:
        record = super().to_representation(file)
        if not file.is_executable:
            del record["executable"]
        if not file.is_reference:
            for name in _REFERENCE_FIELDS:
                del record[name]
        return record

    def get_storage_key(self, file: ArtifactFile) -> str | None:
        is_here = file.blob is not None and file.blob.object is not None and not file.version.is_link
        return file.blob.object.key if is_here else None

    def get_integrity(self, file: ArtifactFile) -> str:
        return integrity_of(file.blob.state if file.blob else None)


class ArtifactCreate(serializers.Serializer):
    project = serializers.CharField(max_length=200, help_text="An id, or `team/project`.")
    name = serializers.CharField(max_length=128, trim_whitespace=False)
    type = serializers.ChoiceField(validators.TYPES)
    kind = serializers.ChoiceField(
        Artifact.Kind.choices, required=False, help_text="A `collection` holds links to versions of other artifacts."
    )
    description = ProseField(required=False)
    metadata = JSONObjectField(required=False)
    tags = TagsField(required=False)
    auto_latest = serializers.BooleanField(required=False)


class ArtifactUpdate(serializers.Serializer):
    artifact_id = serializers.UUIDField(required=False)
    name = serializers.CharField(max_length=128, trim_whitespace=False, required=False)
    type = serializers.ChoiceField(
        validators.TYPES, required=False, help_text="Not of a collection with links, nor of what is linked."
    )
    description = ProseField(required=False)
    metadata = JSONObjectField(required=False)
    tags = TagsField(required=False)
    add_tags = TagsField(required=False, help_text="Added to those that it has, whatever others do meanwhile.")
    remove_tags = TagsField(required=False, help_text="Removed, if it has them.")
    auto_latest = serializers.BooleanField(required=False)


class ResolvedSerializer(serializers.Serializer):
    artifact = ArtifactSerializer()
    version = VersionSerializer()
    aliases = serializers.ListField(child=serializers.CharField(), source="version.alias_names")
    alias = serializers.CharField(allow_null=True)


class UsageSerializer(serializers.ModelSerializer):
    run_id = serializers.UUIDField()
    version_id = serializers.UUIDField()
    requested_as = serializers.ListField(
        child=serializers.CharField(), help_text="The aliases or versions by which the run asked for it."
    )

    class Meta:
        model = ArtifactUsage
        fields = ("id", "run_id", "version_id", "requested_as", "created_at")


class UsedSerializer(ResolvedSerializer):
    usage = UsageSerializer()


class UsedItemSerializer(VersionItemSerializer):
    """A version that a run used, with its `requested_as`."""

    requested_as = serializers.ListField(child=serializers.CharField())

    class Meta(VersionItemSerializer.Meta):
        fields = (*VersionItemSerializer.Meta.fields, "requested_as")


class RunArtifactsSerializer(serializers.Serializer):
    logged = VersionItemSerializer(many=True)
    used = UsedItemSerializer(many=True)
