"""Serializers of uploads and drafts."""

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers

from api.aliases.serializers import MAX_ALIASES_A_CALL, AliasNameField
from api.artifacts.fields import (
    AliasField,
    CompletedPartListField,
    CompletedUploadListField,
    EtagField,
    FileListField,
    HashField,
    IdentityField,
    MimeTypeField,
    ObjectVersionField,
    PackEntryListField,
    PartHashListField,
    ReferenceSizeField,
    ReferenceUriField,
    SizeField,
)
from api.artifacts.file_columns import FileColumnsField, PathListField
from api.artifacts.serializers import (
    ArtifactCreate,
    ArtifactDetailSerializer,
    FileSerializer,
    VersionSerializer,
)
from api.artifacts.ttl_field import TtlField
from api.fields import BoundedListField, BoundedListSerializer, JSONObjectField, LineField, ProseField, TagsField
from artifacts import drafts, storage, validators
from artifacts.content import packs, uploads
from artifacts.draft_files import MAX_FILES_A_CALL
from artifacts.lineage import sources
from artifacts.models import StoredObject
from artifacts.references import identities
from artifacts.references.references import ReferenceSpec

MAX_COMPLETED_UPLOADS = 100_000


class VersionCreate(serializers.Serializer):
    artifact_id = serializers.UUIDField(required=False)
    digest = HashField(validators.SHA256, required=False, allow_null=True)
    executable_digest = HashField(
        r"\A([0-9a-f]{64})?\Z",
        required=False,
        allow_blank=True,
        help_text="sha256 over the sorted `{path}\\0` of executable files, empty for none: which of the versions with "
        "this digest is meant. Without it, any.",
    )
    run_id = serializers.UUIDField(required=False, allow_null=True)
    files = FileListField(required=False)
    file_columns = FileColumnsField(required=False)
    base = serializers.UUIDField(
        required=False,
        allow_null=True,
        help_text="A finalized version of the same project, whose other files the draft has too: those at paths that "
        "are neither stated here nor `removed`.",
    )
    removed = PathListField(
        required=False, max_length=MAX_FILES_A_CALL, help_text="Paths of files of the `base` that the draft has not."
    )
    description = ProseField(required=False)
    notes = ProseField(required=False)
    metadata = JSONObjectField(required=False)
    tags = TagsField(required=False, help_text="Of the version: the artifact has its own.")
    ttl_seconds = TtlField(
        source="ttl",
        required=False,
        allow_null=True,
        help_text="How long the version lives from now on, before a worker deletes it; null for ever.",
    )
    aliases = BoundedListField(
        child=AliasNameField(),
        required=False,
        max_length=MAX_ALIASES_A_CALL,
        help_text="Aliases that `finalize` will be called with: refused here already if they would be refused there.",
    )
    numbering = serializers.ChoiceField(
        [str(numbering) for numbering in drafts.Numbering],
        required=False,
        help_text="When the version gets its number: with `on_finalize` a draft that is deleted leaves no gap.",
    )
    number = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=validators.MAX_STATED_NUMBER,
        help_text="Its number, higher than any before: those between are left out. Not with `on_finalize`.",
    )
    derived_from = BoundedListField(
        child=LineField(max_length=400),
        required=False,
        max_length=sources.MAX_SOURCES,
        help_text="Versions that it was made from without a run: `name:production` in the same project, "
        "`team/project/name:v3`, or ids.",
    )

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if data.get("removed") and not data.get("base"):
            raise serializers.ValidationError({"removed": "Paths are removed from a base: send its id as base."})
        if "number" in data and data.get("numbering") == drafts.Numbering.ON_FINALIZE:
            raise serializers.ValidationError({"number": "A draft that is numbered on_finalize has none yet."})
        return data


class VersionUpdate(serializers.Serializer):
    version_id = serializers.UUIDField(required=False)
    description = ProseField(required=False)
    notes = ProseField(required=False)
    metadata = JSONObjectField(required=False)
    tags = TagsField(required=False)
    add_tags = TagsField(required=False, help_text="Added to those that it has, whatever others do meanwhile.")
    remove_tags = TagsField(required=False, help_text="Removed, if it has them.")
    ttl_seconds = TtlField(
        source="ttl",
        required=False,
        allow_null=True,
        help_text="How long the version lives from when it was made, before a worker deletes it; null for ever.",
    )


class DraftResultSerializer(VersionSerializer):
    created = serializers.BooleanField()
    missing = serializers.ListField(child=serializers.CharField())

    class Meta(VersionSerializer.Meta):
        fields = (*VersionSerializer.Meta.fields, "created", "missing")


class ArtifactWithDraftCreate(ArtifactCreate):
    create_project = serializers.BooleanField(
        required=False, default=False, help_text="Create a private project where there is none of this name."
    )
    version = VersionCreate(
        required=False, help_text="Begin this version in the same step: if anything is refused, nothing is created."
    )


class ArtifactWithDraft(ArtifactDetailSerializer):
    version = DraftResultSerializer(required=False, help_text="If one was sent.")

    class Meta(ArtifactDetailSerializer.Meta):
        fields = (*ArtifactDetailSerializer.Meta.fields, "version")


class VersionWithFiles(VersionSerializer):
    files = FileSerializer(many=True)
    files_next_cursor = serializers.CharField(allow_null=True)

    class Meta(VersionSerializer.Meta):
        fields = (*VersionSerializer.Meta.fields, "files", "files_next_cursor")


class BatchSerializer(serializers.Serializer):
    version_id = serializers.UUIDField(required=False, write_only=True)
    files = FileListField(write_only=True, required=False)
    file_columns = FileColumnsField(write_only=True, required=False)
    added = serializers.IntegerField(read_only=True)
    missing = serializers.ListField(child=serializers.CharField(), read_only=True)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if not data.keys() & {"files", "file_columns"}:
            raise serializers.ValidationError({"files": "Send files, or file_columns."})
        return data


class UploadUrlRequest(serializers.Serializer):
    version_id = serializers.UUIDField(required=False)
    path = serializers.CharField(max_length=1024, trim_whitespace=False)
    size = SizeField()
    sha256 = HashField(validators.SHA256, required=False, allow_null=True)
    mime_type = MimeTypeField(required=False)
    part_size = SizeField(
        required=False, allow_null=True, help_text="For a multipart upload: the size of each part but the last."
    )
    storage_key = serializers.CharField(
        required=False,
        allow_null=True,
        max_length=1400,
        trim_whitespace=False,
        help_text="Of an upload that was started before: get fresh URLs for it.",
    )


class PartSerializer(serializers.Serializer):
    number = serializers.IntegerField()
    offset = serializers.IntegerField()
    size = serializers.IntegerField()
    url = serializers.CharField(source="put.url")
    headers = serializers.DictField(child=serializers.CharField(), source="put.headers")
    etag = serializers.CharField(allow_null=True, help_text="Set if this part has arrived already.")


class UploadUrlSerializer(serializers.Serializer):
    """One signed URL, or with `part_size` one for each part."""

    storage_key = serializers.CharField()
    expires_in = serializers.IntegerField()
    method = serializers.CharField()
    upload_url = serializers.CharField(required=False)
    headers = serializers.DictField(
        child=serializers.CharField(), required=False, help_text="Send these headers unchanged."
    )
    upload_id = serializers.CharField(required=False)
    part_size = serializers.IntegerField(required=False)
    parts = PartSerializer(many=True, required=False)


class FileRegister(serializers.Serializer):
    """A file whose bytes were uploaded."""

    version_id = serializers.UUIDField(required=False)
    path = serializers.CharField(max_length=1024, trim_whitespace=False)
    name = serializers.CharField(max_length=1024, required=False)
    size = SizeField()
    mime_type = MimeTypeField(required=False)
    executable = serializers.BooleanField(required=False)
    storage_key = serializers.CharField(max_length=1400, trim_whitespace=False)
    sha256_hash = HashField(validators.SHA256, required=False, allow_null=True)
    md5_hash = HashField(validators.MD5, required=False, allow_null=True)
    parts = CompletedPartListField(
        required=False, help_text="Of an upload in parts: the ETags of the store's responses."
    )

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if data.get("name") not in (None, data["path"].rpartition("/")[2]):
            raise serializers.ValidationError({"name": "The name is the last segment of the path."})
        return data


class ReferenceRegister(serializers.Serializer):
    """The same as `ReferenceCreate`, by the names that a file has in the API."""

    version_id = serializers.UUIDField(required=False)
    path = serializers.CharField(max_length=1024, trim_whitespace=False)
    is_reference = serializers.ChoiceField([True])
    reference_uri = ReferenceUriField()
    size = ReferenceSizeField(required=False)
    etag = EtagField()
    reference_identity = IdentityField()
    reference_version_id = ObjectVersionField()
    mime_type = MimeTypeField(required=False)


FILE_OR_REFERENCE = PolymorphicProxySerializer(
    component_name="FileOrReferenceRegister",
    serializers=[FileRegister, ReferenceRegister],
    resource_type_field_name=None,
)


class ReferenceCreate(serializers.Serializer):
    """An object that stays where it is. Nothing is opened; what is said of it is recorded."""

    path = serializers.CharField(max_length=1024, trim_whitespace=False)
    uri = ReferenceUriField()
    size = ReferenceSizeField(required=False)
    etag = EtagField()
    identity = IdentityField()
    version_id = ObjectVersionField()
    mime_type = MimeTypeField(required=False)


def reference_spec(data: dict[str, Any]) -> ReferenceSpec:
    """The reference of a validated `ReferenceCreate` or `ReferenceRegister`."""
    if "reference_uri" in data:
        data = data | {name.removeprefix("reference_"): data[name] for name in data if name.startswith("reference_")}
    identity, from_etag = data.get("identity", ""), identities.of_etag(data.get("etag", ""))
    if identity and from_etag and identity != from_etag:
        raise serializers.ValidationError({"identity": "This differs from the ETag: send one of them."})
    return ReferenceSpec(
        data["path"],
        data["uri"],
        data.get("size", 0),
        identity or from_etag,
        data.get("version_id", ""),
        data.get("mime_type", ""),
    )


class UploadRequestSerializer(serializers.Serializer):
    kind = serializers.ChoiceField(
        [(kind.value, kind.label) for kind in (StoredObject.Kind.FILE, StoredObject.Kind.PACK)]
    )
    sha256 = HashField(validators.SHA256)
    size = SizeField()
    part_size = SizeField(required=False, allow_null=True)
    parts = PartHashListField(required=False, max_length=storage.MAX_PARTS)
    members = PackEntryListField(required=False, max_length=packs.MAX_MEMBERS)
    first = serializers.CharField(
        required=False,
        max_length=1024,
        trim_whitespace=False,
        help_text="Of a pack without `members`: it holds the contents below 1 MiB that the draft waits for, each at "
        "the first path that has it, from this path to `last`, one after another in the order of these paths.",
    )
    last = serializers.CharField(required=False, max_length=1024, trim_whitespace=False)
    count = serializers.IntegerField(
        required=False, min_value=1, max_value=packs.MAX_MEMBERS, help_text="How many contents these are."
    )

    class Meta:
        list_serializer_class = BoundedListSerializer

    def to_internal_value(self, data: Any) -> uploads.UploadRequest:
        clean = super().to_internal_value(data)
        stated = clean.keys() & {"first", "last", "count"}
        if stated and (len(stated) < 3 or clean["kind"] != StoredObject.Kind.PACK):
            raise serializers.ValidationError("A pack by its paths has all of first, last and count; a file has none.")
        return uploads.UploadRequest(
            kind=clean["kind"],
            sha256=clean["sha256"],
            size=clean["size"],
            part_size=clean.get("part_size"),
            part_hashes=tuple(clean.get("parts", ())),
            members=tuple(clean.get("members", ())),
            paths=packs.PathRange(clean["first"], clean["last"], clean["count"]) if stated else None,
        )


class UploadsRequest(serializers.Serializer):
    version_id = serializers.UUIDField(required=False)
    objects = UploadRequestSerializer(many=True, max_length=uploads.MAX_OBJECTS_A_CALL)


class UploadSerializer(serializers.Serializer):
    id = serializers.UUIDField(source="object.pk")
    kind = serializers.CharField(source="object.kind")
    sha256 = serializers.CharField(source="object.sha256")
    size = serializers.IntegerField(source="object.size")
    storage_key = serializers.CharField(source="object.key")
    state = serializers.CharField(source="object.state", help_text="`uploaded` if there is nothing to send.")
    method = serializers.CharField(default="PUT", read_only=True)
    url = serializers.CharField(source="put.url", default=None, allow_null=True)
    headers = serializers.DictField(source="put.headers", default=dict, child=serializers.CharField())
    upload_id = serializers.CharField(source="object.upload_id")
    part_size = serializers.IntegerField(source="object.part_size", allow_null=True)
    parts = PartSerializer(many=True)


class UploadsSerializer(serializers.Serializer):
    objects = UploadSerializer(many=True)
    expires_in = serializers.IntegerField()


class Finalize(serializers.Serializer):
    version_id = serializers.UUIDField(required=False)
    digest = HashField(validators.SHA256, required=False, allow_null=True)
    uploads = CompletedUploadListField(required=False, max_length=MAX_COMPLETED_UPLOADS)
    aliases = BoundedListField(child=AliasField(), required=False, max_length=MAX_ALIASES_A_CALL)


class MoveSerializer(serializers.Serializer):
    alias = serializers.CharField(source="alias.alias")
    to = serializers.CharField(source="alias.version.version")

    def get_fields(self) -> dict[str, serializers.Field]:
        # Not an attribute: `from` is a keyword of Python.
        before = serializers.CharField(source="before.version", allow_null=True, default=None)
        return super().get_fields() | {"from": before}


class FinalizeResultSerializer(VersionSerializer):
    created = serializers.BooleanField(help_text="False if an earlier version with the same contents was returned.")
    moved = MoveSerializer(many=True)

    class Meta(VersionSerializer.Meta):
        fields = (*VersionSerializer.Meta.fields, "created", "moved")


class DownloadUrlSerializer(serializers.Serializer):
    download_url = serializers.CharField(
        help_text="Of a reference its URI, or a signed URL where it is in an external store of the team."
    )
    url = serializers.CharField(help_text="The same.")
    file_name = serializers.CharField()
    size = serializers.IntegerField()
    mime_type = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="In seconds; 0 for a URI of a reference, which nobody signed.")
