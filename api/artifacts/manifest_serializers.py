"""The manifest of a version: every file, and where its bytes are. With an object for each file, or in columns."""

from typing import Any
from uuid import UUID

from rest_framework import serializers

from api.artifacts.serializers import integrity_of
from artifacts.content.manifests import READABLE, ManifestPage, Row
from artifacts.models import ArtifactVersion
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
    extents = serializers.ListField(
        child=serializers.ListField(min_length=3, max_length=3),
        required=False,
        help_text="Only there for a file that is stored in pieces: `[object, offset, size]` of the bytes that it "
        "consists of, in their order. Its `object` is at a URL of this server, which is slower.",
    )
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
    cursor = serializers.CharField(help_text="Gives this page again, with fresh URLs.")
    next_cursor = serializers.CharField(allow_null=True)


class ReferenceSerializer(serializers.Serializer):
    reference_uri = serializers.CharField()
    etag = serializers.CharField(allow_null=True)
    reference_identity = serializers.CharField()
    version_id = serializers.CharField(help_text="The version of the object in its store, or empty.")
    download_url = serializers.CharField(
        allow_null=True, help_text="A signed URL, if it is in an external store of the team."
    )


class ManifestColumnsSerializer(serializers.Serializer):
    """The same with a list for each property, all in the order of the paths. Rows are numbered from 0."""

    version_id = serializers.UUIDField()
    digest = serializers.CharField(allow_null=True)
    file_count = serializers.IntegerField()
    total_size = serializers.IntegerField()
    paths = serializers.ListField(child=serializers.CharField())
    sizes = serializers.ListField(child=serializers.IntegerField())
    sha256 = serializers.ListField(child=serializers.CharField(allow_null=True))
    md5 = serializers.DictField(child=serializers.CharField(), help_text="By row: of files without a sha256.")
    executable = serializers.ListField(child=serializers.IntegerField(), help_text="Rows of executable files.")
    objects = ObjectUrlSerializer(many=True)
    object = serializers.ListField(
        child=serializers.IntegerField(allow_null=True),
        help_text="The index in `objects`; null for references, and for what cannot be read.",
    )
    offsets = serializers.ListField(child=serializers.IntegerField())
    extents = serializers.DictField(
        child=serializers.ListField(child=serializers.ListField(min_length=3, max_length=3)),
        help_text="By row, of files that are stored in pieces, whose `object` is null: `[index in objects, offset, "
        "size]` of the bytes that they consist of, in their order.",
    )
    unreadable = serializers.DictField(
        child=serializers.CharField(), help_text="By row: the integrity of files without bytes, `missing` or `corrupt`."
    )
    references = serializers.DictField(child=ReferenceSerializer(), help_text="By row.")
    expires_in = serializers.IntegerField()
    cursor = serializers.CharField(help_text="Gives this page again, with fresh URLs.")
    next_cursor = serializers.CharField(allow_null=True)


def manifest_body(version: ArtifactVersion, page: ManifestPage, expires_in: int) -> dict[str, Any]:
    """The data of `ManifestSerializer`, built by hand because it has thousands of entries."""
    ids = {text: str(UUID(text)) for text in {*page.objects, *(row.object_id for row in page.rows)} if text}
    entries = []
    for number, row in enumerate(page.rows):
        entry = {
            "path": row.path,
            "size": row.size,
            "sha256": row.sha256,
            "md5": row.md5,
            "mime_type": row.mime_type,
            "object": ids.get(row.object_id),
            "offset": row.offset or 0,
            "integrity": integrity_of(row.state),
            "reference": row.reference_uri,
        }
        if number in page.extents:
            entry["extents"] = [[ids[text], offset, size] for text, offset, size in page.extents[number]]
            entry["object"] = str(page.wholes[number].pk)
        if row.is_executable:
            entry["executable"] = True
        if row.reference_uri is not None:
            entry |= {"is_reference": True, **_reference(row, page.reference_urls.get(number))}
        entries.append(entry)
    objects = {str(obj.pk): obj for obj in (*page.objects.values(), *page.wholes.values())}
    objects = {pk: {"url": obj.url, "size": obj.size} for pk, obj in objects.items()}
    return _version(version) | {"entries": entries, "objects": objects} | _paging(page, expires_in)


def manifest_columns(version: ArtifactVersion, page: ManifestPage, expires_in: int) -> dict[str, Any]:
    """The data of `ManifestColumnsSerializer`."""
    columns = Row(*zip(*page.rows, strict=True)) if page.rows else Row(*[()] * len(Row._fields))
    indexes = {text: index for index, text in enumerate(page.objects)}
    # What is corrupt may share a pack with what is not.
    objects = [
        indexes.get(text) if state in READABLE else None
        for text, state in zip(columns.object_id, columns.state, strict=True)
    ]
    without_sha256 = [(number, row) for number, row in enumerate(page.rows) if row.sha256 is None]
    # Few rows have more to say.
    without = [(number, page.rows[number]) for number, index in enumerate(objects) if index is None]
    unreadable = [(number, row) for number, row in without if number not in page.extents]
    body = {
        "paths": columns.path,
        "sizes": columns.size,
        "sha256": columns.sha256,
        "md5": {number: row.md5 for number, row in without_sha256 if row.reference_uri is None},
        "executable": [number for number, is_executable in enumerate(columns.is_executable) if is_executable],
        "objects": [{"url": obj.url, "size": obj.size} for obj in page.objects.values()],
        "object": objects,
        "offsets": columns.offset,
        "extents": {
            number: [(indexes[text], offset, size) for text, offset, size in places]
            for number, places in page.extents.items()
        },
        "unreadable": {number: integrity_of(row.state) for number, row in unreadable if row.reference_uri is None},
        "references": {
            number: _reference(row, page.reference_urls.get(number))
            for number, row in without_sha256
            if row.reference_uri is not None
        },
    }
    return _version(version) | body | _paging(page, expires_in)


def _reference(row: Row, download_url: str | None) -> dict[str, Any]:
    return {
        "reference_uri": row.reference_uri,
        "etag": identities.etag_of(row.reference_identity),
        "reference_identity": row.reference_identity,
        "version_id": row.reference_version_id,
        "download_url": download_url,
    }


def _version(version: ArtifactVersion) -> dict[str, Any]:
    return {
        "version_id": version.pk,
        "digest": version.digest,
        "file_count": version.file_count,
        "total_size": version.total_size,
    }


def _paging(page: ManifestPage, expires_in: int) -> dict[str, Any]:
    return {
        "expires_in": expires_in,
        "cursor": encode_cursor(page.after),
        "next_cursor": None if page.next_after is None else encode_cursor(page.next_after),
    }
