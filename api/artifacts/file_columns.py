"""Files of a request as columns, which are shorter than a list of objects, and checked a column at a time."""

import re
from collections.abc import Callable, Mapping
from itertools import repeat, starmap
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.artifacts.fields import EXTENTS_ERROR, HashField, PlainListField, SizeField, is_extents
from api.errors import MAX_FIELD_ERRORS
from artifacts import storage, validators
from artifacts.draft_extents import Piece
from artifacts.draft_files import MAX_FILES_A_CALL, FileSpec
from artifacts.references.references import ReferenceSpec

_SHA256 = re.compile(validators.SHA256)
_COLUMNS = ("paths", "sizes", "sha256")


class FileColumnsSerializer(serializers.Serializer):
    """Files whose bytes are uploaded: the first of them has the first path, size and sha256."""

    paths = serializers.ListField(child=serializers.CharField(max_length=1024), max_length=MAX_FILES_A_CALL)
    sizes = serializers.ListField(child=SizeField(), max_length=MAX_FILES_A_CALL)
    sha256 = serializers.ListField(child=HashField(validators.SHA256), max_length=MAX_FILES_A_CALL)
    executable = serializers.ListField(
        child=serializers.IntegerField(min_value=0), required=False, help_text="Which of them are: 0 is the first."
    )
    extents = serializers.DictField(
        child=serializers.ListField(child=serializers.ListField(min_length=2, max_length=2)),
        required=False,
        help_text="What large files consist of: by the file's number, `[sha256, size]` of its pieces in their order.",
    )


@extend_schema_field(serializers.ListField(child=serializers.CharField(max_length=1024), max_length=MAX_FILES_A_CALL))
class PathListField(PlainListField):
    noun = "Path"

    def error_of(self, item: Any) -> str:
        return "" if isinstance(item, str) else "expected a text."


@extend_schema_field(FileColumnsSerializer)
class FileColumnsField(serializers.Field):
    """The validated value is a list of `FileSpec`. The verb judges the paths."""

    default_error_messages = {
        "not_columns": "Expected an object with paths, sizes and sha256, and executable and extents if some have them.",
        "not_a_list": "Expected a list.",
        "too_many": f"One call takes at most {MAX_FILES_A_CALL:,} files.",
        "uneven": "There are {paths:,} paths, {sizes:,} sizes and {sha256:,} sha256: each file has one of each.",
    }

    def to_internal_value(self, data: Any) -> list[FileSpec]:
        columns = self._columns(data)
        paths, sizes, hashes, executable = columns.values()
        extents = data.get("extents", {})
        errors = {
            "paths": _errors(paths, lambda path: isinstance(path, str), "A path is a text."),
            "sizes": _errors(sizes, _is_size, "A size is a number of bytes from 0 to 5 TiB."),
            "sha256": _errors(hashes, _is_sha256, "A sha256 has 64 lower-case hex digits."),
            "executable": _errors(
                executable, lambda index: type(index) is int and 0 <= index < len(paths), "There is no such file."
            ),
            "extents": _errors_of_extents(extents, len(paths)),
        }
        if errors := {name: found for name, found in errors.items() if found}:
            raise serializers.ValidationError(errors)
        is_executable = [False] * len(paths)
        for index in executable:
            is_executable[index] = True
        pieces: list[tuple[Piece, ...]] = [()] * len(paths)
        for index, pairs in extents.items():
            pieces[int(index)] = tuple(starmap(Piece, pairs))
        return list(map(FileSpec, paths, sizes, hashes, repeat(None), repeat(""), is_executable, pieces))

    def _columns(self, data: Any) -> dict[str, list[Any]]:
        """The lists by their names, of the right lengths."""
        optional = {"executable", "extents"}
        if not isinstance(data, dict) or not data.keys() >= set(_COLUMNS) or data.keys() - {*_COLUMNS, *optional}:
            self.fail("not_columns")
        columns = {name: data.get(name, []) for name in (*_COLUMNS, "executable")}
        if any(not isinstance(column, list) for column in columns.values()):
            self.fail("not_a_list")
        lengths = {name: len(columns[name]) for name in _COLUMNS}
        if max(map(len, columns.values())) > MAX_FILES_A_CALL:
            self.fail("too_many")
        if len(set(lengths.values())) > 1:
            self.fail("uneven", **lengths)
        return columns


def file_specs(data: Mapping[str, Any]) -> list[FileSpec | ReferenceSpec]:
    """All that a validated body has in `files` and `file_columns`."""
    return [*data.get("files", ()), *data.get("file_columns", ())]


def _errors(column: list[Any], is_valid: Callable[[Any], bool], message: str) -> dict[int, list[str]]:
    """Of the first invalid values, by their indexes."""
    if all(map(is_valid, column)):
        return {}
    invalid = [index for index, value in enumerate(column) if not is_valid(value)]
    return {index: [message] for index in invalid[:MAX_FIELD_ERRORS]}


def _errors_of_extents(extents: Any, count: int) -> dict[int, list[str]]:
    if not isinstance(extents, dict):
        return {0: ["Expected an object: lists of [sha256, size] by the numbers of files."]}
    errors = {}
    for number, (index, pairs) in enumerate(extents.items()):
        if not (re.fullmatch("[0-9]{1,6}", index) and int(index) < count):
            errors[number] = [f"There is no file {index!r}."]
        elif not is_extents(pairs):
            errors[number] = [EXTENTS_ERROR]
    return errors


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value <= storage.MAX_OBJECT


def _is_sha256(value: Any) -> bool:
    return isinstance(value, str) and _SHA256.match(value) is not None
