"""The manifest of a version: every file, and where its bytes are."""

from typing import Any

from rest_framework import serializers

from api.artifacts.serializers import integrity_of
from artifacts.content import downloads
from artifacts.models import ArtifactFile, ArtifactVersion
from artifacts.references import identities
from core.cursors import encode_cursor

_ONLY_OF_REFERENCES = "Only there for references."


class EntrySerializer(serializers.Serializer):
    path = serializers.CharField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField(allow_null=True)
    md5 = serializers.CharField(allow_null=True)
    mime_type = serializers.CharField()
    executable = serializers.BooleanField(required=False, help_text="Only there if true.")
    object = serializers.UUIDField(allow_null=True)
    offset = serializers.IntegerField()
    integrity = serializers.CharField()
    reference = serializers.CharField(allow_null=True, help_text="The same as `reference_uri`.")
    is_reference = serializers.BooleanField(required=False, help_text=_ONLY_OF_REFERENCES)
    reference_uri = serializers.CharField(required=False, help_text=_ONLY_OF_REFERENCES)
    etag = serializers.CharField(required=False, allow_null=True, help_text=_ONLY_OF_REFERENCES)
    reference_identity = serializers.CharField(required=False, help_text=_ONLY_OF_REFERENCES)
    version_id = serializers.CharField(
        required=False, help_text="The version of the object in its store, or empty. Only there for references."
    )
    download_url = serializers.CharField(
        required=False,
        allow_null=True,
        help_text="A signed URL, if it is in an external store of the team. Only there for references.",
    )


class ObjectUrlSerializer(serializers.Serializer):
    url = serializers.CharField()
    size = serializers.IntegerField()


class ManifestSerializer(serializers.Serializer):
    version_id = serializers.UUIDField()
    digest = serializers.CharField(allow_null=True)
    file_count = serializers.IntegerField()
    total_size = serializers.IntegerField()
    entries = EntrySerializer(many=True)
    objects = serializers.DictField(child=ObjectUrlSerializer())
    expires_in = serializers.IntegerField()
    next_cursor = serializers.CharField(allow_null=True)


def manifest_body(version: ArtifactVersion, page: downloads.Manifest, expires_in: int) -> dict[str, Any]:
    """The data of `ManifestSerializer`, built by hand because it has thousands of entries."""
    return {
        "version_id": version.pk,
        "digest": version.digest,
        "file_count": version.file_count,
        "total_size": version.total_size,
        "entries": [_entry(file) | _reference(file, page) for file in page.files],
        "objects": {str(obj.pk): {"url": url, "size": obj.size} for obj, url in page.urls.items()},
        "expires_in": expires_in,
        "next_cursor": None if page.next_after is None else encode_cursor(page.next_after),
    }


def _entry(file: Any) -> dict[str, Any]:
    blob = file.blob
    entry = {
        "path": file.path,
        "size": file.size,
        "sha256": blob.sha256 if blob else None,
        "md5": blob.md5 if blob else None,
        "mime_type": file.mime_type,
        "object": str(blob.object_id) if blob and blob.object_id else None,
        "offset": blob.offset if blob else 0,
        "integrity": integrity_of(file),
        "reference": file.reference_uri,
    }
    return entry | {"executable": True} if file.is_executable else entry


def _reference(file: ArtifactFile, page: downloads.Manifest) -> dict[str, Any]:
    """What an entry has beside, if it is a reference."""
    if not file.is_reference:
        return {}
    return {
        "is_reference": True,
        "reference_uri": file.reference_uri,
        "etag": identities.etag_of(file.reference_identity),
        "reference_identity": file.reference_identity,
        "version_id": file.reference_version_id,
        "download_url": page.reference_urls.get(file.pk),
    }
