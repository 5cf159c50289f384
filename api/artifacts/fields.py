"""Serializer fields of hashes, sizes, names and long lists of files."""

import re
from typing import Any

from django.core.validators import RegexValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from artifacts import storage, validators
from artifacts.drafts import MAX_FILES_A_CALL, FileSpec

_SHA256 = re.compile(validators.SHA256)
_MD5 = re.compile(validators.MD5)
_FIELDS = {"path", "size", "sha256", "md5", "mime_type", "executable"}


class HashField(serializers.RegexField):
    """A hash in lower-case hex."""

    def __init__(self, pattern: str, **kwargs: Any) -> None:
        super().__init__(pattern, max_length=64, trim_whitespace=False, **kwargs)


class SizeField(serializers.IntegerField):
    """A number of bytes, up to 5 TiB."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=storage.MAX_OBJECT, **kwargs)


class AliasField(serializers.CharField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=100, trim_whitespace=False, **kwargs)
        self.validators.append(
            RegexValidator(
                validators.ALIAS,
                "Only letters, digits, dots, underscores and hyphens, starting with a letter or digit.",
            )
        )


class MimeTypeField(serializers.CharField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=255, allow_blank=True, **kwargs)
        self.validators.append(RegexValidator(r"\A[\x20-\x7e]*\Z", "Only printable ASCII characters."))


class FileSpecSerializer(serializers.Serializer):
    path = serializers.CharField(max_length=1024)
    size = SizeField()
    sha256 = HashField(validators.SHA256)
    md5 = HashField(validators.MD5, required=False, allow_null=True)
    mime_type = MimeTypeField(required=False)
    executable = serializers.BooleanField(required=False)


@extend_schema_field(FileSpecSerializer(many=True))
class FileListField(serializers.Field):
    """Thousands of file specs, checked by one plain loop: nested serializers would take seconds for them."""

    default_error_messages = {
        "not_a_list": "Expected a list of files.",
        "too_many": f"One call takes at most {MAX_FILES_A_CALL:,} files.",
        "invalid": "File {index}: {error}",
    }

    def to_internal_value(self, data: Any) -> list[FileSpec]:
        if not isinstance(data, list):
            self.fail("not_a_list")
        if len(data) > MAX_FILES_A_CALL:
            self.fail("too_many")
        for index, entry in enumerate(data):
            error = _error_of(entry)
            if error:
                self.fail("invalid", index=index, error=error)
        return [
            FileSpec(
                file["path"],
                file["size"],
                file["sha256"],
                file.get("md5"),
                file.get("mime_type") or "",
                file.get("executable", False),
            )
            for file in data
        ]


def _error_of(entry: Any) -> str:
    if not isinstance(entry, dict):
        return "expected an object with path, size and sha256."
    if not isinstance(entry.get("path"), str):
        return "path must be a text."
    size = entry.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= storage.MAX_OBJECT:
        return "size must be a number of bytes from 0 to 5 TiB."
    if not _is_hash(_SHA256, entry.get("sha256")):
        return "sha256 must be 64 lower-case hex digits."
    if entry.get("md5") is not None and not _is_hash(_MD5, entry["md5"]):
        return "md5 must be 32 lower-case hex digits."
    mime_type = entry.get("mime_type") or ""
    if not isinstance(mime_type, str) or len(mime_type) > 255 or not mime_type.isascii() or not mime_type.isprintable():
        return "mime_type must be printable ASCII of at most 255 characters."
    if not isinstance(entry.get("executable", False), bool):
        return "executable must be true or false."
    unknown = entry.keys() - _FIELDS
    return f"unknown field {min(unknown)!r}." if unknown else ""


def _is_hash(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.match(value) is not None
