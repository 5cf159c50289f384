"""Serializer fields with the bounds that every part of the API shares."""

import json
import math
import unicodedata
from collections.abc import Iterable
from typing import Any

from django.db import models
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

MAX_JSON_BYTES = 2**20
MAX_JSON_DEPTH = 64
MAX_TAGS = 100
MAX_TAG_LENGTH = 64


def on_one_line(text: str) -> None:
    """Refuse control characters, line ends among them."""
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise serializers.ValidationError("Control characters are not allowed.")


class LineField(serializers.CharField):
    """A text of one line."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 200)
        super().__init__(**kwargs)
        self.validators.append(on_one_line)


class ProseField(serializers.CharField):
    """A text of any number of lines, up to 64 Ki characters."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 2**16)
        kwargs.setdefault("allow_blank", True)
        super().__init__(trim_whitespace=False, **kwargs)


class EnumField(serializers.ChoiceField):
    """One of an enumeration's values, or of some of them; the verbs get its member."""

    def __init__(
        self, enumeration: type[models.TextChoices], *, some: Iterable[models.TextChoices] = (), **kwargs: Any
    ) -> None:
        self.enumeration = enumeration
        super().__init__([(member.value, member.label) for member in some or enumeration], **kwargs)

    def to_internal_value(self, data: Any) -> models.TextChoices:
        return self.enumeration(super().to_internal_value(data))


class TagsField(serializers.ListField):
    """Distinct short texts in the order given; one given twice counts once."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("child", LineField(max_length=MAX_TAG_LENGTH))
        kwargs.setdefault("max_length", MAX_TAGS)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> list[str]:
        return list(dict.fromkeys(super().to_internal_value(data)))


@extend_schema_field({"type": "object", "additionalProperties": {}})
class JSONObjectField(serializers.Field):
    """A JSON object that every database we run on gives back as it was."""

    default_error_messages = {
        "not_an_object": "Expected a JSON object.",
        "too_deep": f"Nested deeper than {MAX_JSON_DEPTH} levels.",
        "too_large": f"Larger than {MAX_JSON_BYTES // 1024} KiB as JSON.",
        "not_finite": "NaN and Infinity are not JSON numbers.",
        "odd_text": "A text has a NUL character or half of a surrogate pair.",
    }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("not_an_object")
        self._walk(data)
        try:
            size = len(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode())
        except UnicodeEncodeError:
            self.fail("odd_text")
        if size > MAX_JSON_BYTES:
            self.fail("too_large")
        return data

    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        return value

    def _walk(self, data: dict[str, Any]) -> None:
        """Without recursion: the depth is what is not yet known to be sane."""
        waiting: list[tuple[Any, int]] = [(data, 1)]
        while waiting:
            value, depth = waiting.pop()
            if depth > MAX_JSON_DEPTH:
                self.fail("too_deep")
            if isinstance(value, dict):
                waiting.extend((each, depth + 1) for each in value.values() if not _is_plain(each))
                waiting.extend((key, depth) for key in value if "\0" in key)
            elif isinstance(value, list):
                waiting.extend((each, depth + 1) for each in value if not _is_plain(each))
            elif isinstance(value, float):
                self.fail("not_finite")
            else:
                self.fail("odd_text")


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" not in value
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, int)
