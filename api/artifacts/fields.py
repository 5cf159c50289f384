"""Serializer fields of hashes, sizes, names and long lists of files."""

import itertools
import re
from typing import Any
from uuid import UUID

from django.core.validators import RegexValidator
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from artifacts import storage, validators
from artifacts.content import arrivals, uploads
from artifacts.draft_extents import Piece
from artifacts.draft_files import FileSpec
from artifacts.references import identities, uris
from artifacts.references.references import ReferenceSpec

# Of more files, columns are the shorter form.
MAX_LISTED_FILES = 10_000
_SHA256 = re.compile(validators.SHA256)
_MD5 = re.compile(validators.MD5)
_ETAG = re.compile(r'^"?[A-Za-z0-9-]{1,128}"?\Z')
_FIELDS = {"path", "size", "sha256", "md5", "mime_type", "executable", "extents"}
EXTENTS_ERROR = "Expected a list of [sha256, size] in the order of the pieces."
_MIME_TYPE_ERROR = "mime_type must be printable ASCII of at most 255 characters."
_REFERENCE_FIELDS = {"path", "size", "mime_type", "reference_uri", "reference_identity", "version_id"}


class HashField(serializers.RegexField):
    """A hash in lower-case hex."""

    def __init__(self, pattern: str, **kwargs: Any) -> None:
        super().__init__(pattern, max_length=64, trim_whitespace=False, **kwargs)


class SizeField(serializers.IntegerField):
    """A number of bytes, up to 5 TiB."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=storage.MAX_OBJECT, **kwargs)


class ReferenceSizeField(serializers.IntegerField):
    """The length of an object that is kept elsewhere, in bytes: up to 1 PiB."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", "In bytes; 0, or left out, where it is not known.")
        super().__init__(min_value=0, max_value=identities.MAX_SIZE, **kwargs)


class ReferenceUriField(serializers.CharField):
    def __init__(self, **kwargs: Any) -> None:
        help_text = "`s3://bucket/key`, `gs://…`, `az://container/key`, `https://…`, `http://…` or `file:///…`."
        super().__init__(max_length=uris.MAX_LENGTH, trim_whitespace=False, help_text=help_text, **kwargs)


class IdentityField(serializers.CharField):
    """What an object was when it was recorded."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", "`etag:…`, `sha256:…`, `md5:…`, `modified:…` (ISO 8601, UTC), or empty.")
        super().__init__(
            max_length=identities.MAX_IDENTITY_LENGTH, allow_blank=True, required=False, trim_whitespace=False, **kwargs
        )


class EtagField(serializers.CharField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_length=identities.MAX_IDENTITY_LENGTH,
            allow_blank=True,
            required=False,
            help_text="As the server of the object states it: becomes the identity `etag:…`.",
            **kwargs,
        )


class ObjectVersionField(serializers.CharField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_length=identities.MAX_VERSION_ID_LENGTH,
            allow_blank=True,
            required=False,
            trim_whitespace=False,
            help_text="The version of the object in its store.",
            **kwargs,
        )


class AliasField(serializers.CharField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=validators.MAX_LABEL_LENGTH, trim_whitespace=False, **kwargs)
        self.validators.append(
            RegexValidator(validators.LABEL, "Printable characters, but no slash, no colon and no spaces at the ends.")
        )


class MimeTypeField(serializers.CharField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=255, allow_blank=True, **kwargs)
        self.validators.append(RegexValidator(r"\A[\x20-\x7e]*\Z", "Only printable ASCII characters."))


class FileSpecSerializer(serializers.Serializer):
    """A file whose bytes are uploaded."""

    path = serializers.CharField(max_length=1024)
    size = SizeField()
    sha256 = HashField(validators.SHA256)
    md5 = HashField(validators.MD5, required=False, allow_null=True)
    mime_type = MimeTypeField(required=False)
    executable = serializers.BooleanField(required=False)
    extents = serializers.ListField(
        child=serializers.ListField(min_length=2, max_length=2),
        required=False,
        help_text="What a large file consists of, as `[sha256, size]` of 2 to 8,192 pieces in their order: those that "
        "the project has already are not uploaded again. What is missing of the file is the sha256 of pieces then.",
    )


class ReferenceSpecSerializer(serializers.Serializer):
    """An object that stays where it is."""

    path = serializers.CharField(max_length=1024)
    reference_uri = ReferenceUriField()
    size = ReferenceSizeField(required=False)
    reference_identity = IdentityField(allow_null=True)
    version_id = ObjectVersionField(allow_null=True)
    mime_type = MimeTypeField(required=False)


class PlainListField(serializers.Field):
    """Thousands of items, checked by one plain loop: nested serializers would take seconds for them.

    A subclass says of an item what is wrong with it, as a text that is empty for a valid one, and what its value is.
    """

    default_error_messages = {
        "not_a_list": "Expected a list.",
        "too_many": "One call takes at most {max_length:,} of these.",
        "invalid": "{noun} {index}: {error}",
    }
    noun = "Item"

    def __init__(self, *, max_length: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_length = max_length

    def error_of(self, item: Any) -> str:
        raise NotImplementedError

    def value_of(self, item: Any) -> Any:
        return item

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, list):
            self.fail("not_a_list")
        if len(data) > self.max_length:
            self.fail("too_many", max_length=self.max_length)
        for index, item in enumerate(data):
            error = self.error_of(item)
            if error:
                self.fail("invalid", noun=self.noun, index=index, error=error)
        return [self.value_of(item) for item in data]


@extend_schema_field(
    PolymorphicProxySerializer(
        component_name="FileOrReferenceSpec",
        serializers=[FileSpecSerializer, ReferenceSpecSerializer],
        resource_type_field_name=None,
        many=True,
    )
)
class FileListField(PlainListField):
    """Files and references."""

    noun = "File"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_LISTED_FILES, **kwargs)

    def error_of(self, item: Any) -> str:
        return _error_of_reference(item) if _is_reference(item) else _error_of_file(item)

    def value_of(self, item: dict[str, Any]) -> FileSpec | ReferenceSpec:
        if _is_reference(item):
            return ReferenceSpec(
                item["path"],
                item["reference_uri"],
                item.get("size", 0),
                item.get("reference_identity") or "",
                item.get("version_id") or "",
                item.get("mime_type") or "",
            )
        return FileSpec(
            item["path"],
            item["size"],
            item["sha256"],
            item.get("md5"),
            item.get("mime_type") or "",
            item.get("executable", False),
            tuple(itertools.starmap(Piece, item.get("extents") or ())),
        )


@extend_schema_field(serializers.ListField(child=HashField(validators.SHA256)))
class PartHashListField(PlainListField):
    """The sha256 of each part."""

    noun = "Part"

    def error_of(self, item: Any) -> str:
        return "" if _is_hash(_SHA256, item) else "expected 64 lower-case hex digits, the sha256."


class PackEntrySerializer(serializers.Serializer):
    sha256 = HashField(validators.SHA256)
    offset = SizeField()
    size = SizeField(required=False)


@extend_schema_field(PackEntrySerializer(many=True))
class PackEntryListField(PlainListField):
    """What a pack holds, and where."""

    noun = "Member"

    def error_of(self, item: Any) -> str:
        if not isinstance(item, dict):
            return "expected an object with sha256 and offset."
        if not _is_hash(_SHA256, item.get("sha256")):
            return "sha256 must be 64 lower-case hex digits."
        if not _is_size(_integer(item.get("offset"))) or not _is_size(_integer(item.get("size", 0))):
            return "offset and size must be numbers of bytes from 0 to 5 TiB."
        return ""

    def value_of(self, item: dict[str, Any]) -> uploads.PackEntry:
        return uploads.PackEntry(item["sha256"], _integer(item["offset"]))


class CompletedPartSerializer(serializers.Serializer):
    number = serializers.IntegerField(min_value=1, max_value=storage.MAX_PARTS)
    etag = serializers.RegexField(_ETAG.pattern)


@extend_schema_field(CompletedPartSerializer(many=True))
class CompletedPartListField(PlainListField):
    """The parts that were sent, as the ETag of each by its number."""

    noun = "Part"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=storage.MAX_PARTS, **kwargs)

    def to_internal_value(self, data: Any) -> dict[int, str]:
        return dict(super().to_internal_value(data))

    def error_of(self, item: Any) -> str:
        if not isinstance(item, dict):
            return "expected an object with number and etag."
        if not 1 <= _integer(item.get("number")) <= storage.MAX_PARTS:
            return f"number must be an integer from 1 to {storage.MAX_PARTS:,}."
        etag = item.get("etag")
        return "" if isinstance(etag, str) and _ETAG.match(etag) else "etag must be that of the store's response."

    def value_of(self, item: dict[str, Any]) -> tuple[int, str]:
        return _integer(item["number"]), item["etag"].strip('"')


class CompletedUploadSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    parts = CompletedPartSerializer(many=True, required=False)


@extend_schema_field(CompletedUploadSerializer(many=True))
class CompletedUploadListField(PlainListField):
    """The objects that were sent."""

    noun = "Upload"
    _parts = CompletedPartListField()

    def to_internal_value(self, data: Any) -> list[arrivals.CompletedUpload]:
        return super().to_internal_value(data)

    def error_of(self, item: Any) -> str:
        if not isinstance(item, dict) or not _is_uuid(item.get("id")):
            return "expected an object with its id."
        try:
            self._parts.run_validation(item.get("parts", []))
        except serializers.ValidationError as error:
            return str(error.detail[0])
        return ""

    def value_of(self, item: dict[str, Any]) -> arrivals.CompletedUpload:
        return arrivals.CompletedUpload(str(UUID(item["id"])), self._parts.to_internal_value(item.get("parts", [])))


def _error_of_file(entry: Any) -> str:
    if not isinstance(entry, dict):
        return "expected an object with path, size and sha256."
    if not isinstance(entry.get("path"), str):
        return "path must be a text."
    if not _is_size(entry.get("size")):
        return "size must be a number of bytes from 0 to 5 TiB."
    if not _is_hash(_SHA256, entry.get("sha256")):
        return "sha256 must be 64 lower-case hex digits."
    if entry.get("md5") is not None and not _is_hash(_MD5, entry["md5"]):
        return "md5 must be 32 lower-case hex digits."
    if not _is_mime_type(entry.get("mime_type")):
        return _MIME_TYPE_ERROR
    if not isinstance(entry.get("executable", False), bool):
        return "executable must be true or false."
    if not is_extents(entry.get("extents", [])):
        return f"extents: {EXTENTS_ERROR}"
    return _error_of_unknown(entry.keys() - _FIELDS)


def _is_reference(entry: Any) -> bool:
    return isinstance(entry, dict) and "reference_uri" in entry


def _error_of_reference(entry: dict[str, Any]) -> str:
    """What the verb cannot say: it judges the texts."""
    for name in ("path", "reference_uri"):
        if not isinstance(entry.get(name), str):
            return f"{name} must be a text."
    for name in ("reference_identity", "version_id"):
        if entry.get(name) is not None and not isinstance(entry[name], str):
            return f"{name} must be a text."
    size = entry.get("size", 0)
    if type(size) is not int or not 0 <= size <= identities.MAX_SIZE:
        return "size must be a number of bytes from 0 to 1 PiB."
    if not _is_mime_type(entry.get("mime_type")):
        return _MIME_TYPE_ERROR
    if "sha256" in entry:
        return "a reference has no sha256: state it as its reference_identity, as in 'sha256:…'."
    return _error_of_unknown(entry.keys() - _REFERENCE_FIELDS)


def _error_of_unknown(fields: set[Any]) -> str:
    return f"unknown field {min(fields)!r}." if fields else ""


def _is_mime_type(value: Any) -> bool:
    text = value or ""
    return isinstance(text, str) and len(text) <= 255 and text.isascii() and text.isprintable()


def is_extents(value: Any) -> bool:
    """Whether it is a list of pairs; the verb judges whether they are a file."""
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and _is_hash(_SHA256, pair[0]) and _is_size(pair[1]) for pair in value
    )


def _is_hash(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.match(value) is not None


def _integer(value: Any) -> int:
    """As DRF's IntegerField takes it, a text of digits too; -1 for anything else."""
    if type(value) is int:
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) <= 20 else -1


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value <= storage.MAX_OBJECT


def _is_uuid(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(UUID(value))
    except ValueError:
        return False
