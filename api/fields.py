"""Serializer fields that all parts of the API share, with the limits of `core.validators`."""

from collections.abc import Callable, Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.errors import MAX_FIELD_ERRORS
from core.validators import (
    MAX_TAG_LENGTH,
    MAX_TAGS,
    MAX_TEXT_LENGTH,
    validate_json_object,
    validate_single_line,
)


class LineField(serializers.CharField):
    """A single-line text."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 200)
        super().__init__(**kwargs)
        self.validators.append(validate_single_line)


class ProseField(serializers.CharField):
    """A multi-line text of up to `MAX_TEXT_LENGTH` characters."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", MAX_TEXT_LENGTH)
        kwargs.setdefault("allow_blank", True)
        super().__init__(trim_whitespace=False, **kwargs)


class EnumField(serializers.ChoiceField):
    """A value of an enumeration, or of `some` of its members; the validated value is the member."""

    def __init__(
        self, enumeration: type[models.TextChoices], *, some: Iterable[models.TextChoices] = (), **kwargs: Any
    ) -> None:
        self.enumeration = enumeration
        super().__init__([(member.value, member.label) for member in some or enumeration], **kwargs)

    def to_internal_value(self, data: Any) -> models.TextChoices:
        return self.enumeration(super().to_internal_value(data))


def run_child_validations(validate: Callable[[Any], Any], items: list[Any]) -> list[Any]:
    """The validated items. Raises `ValidationError` once so many are invalid as a response reports."""
    valid, invalid = [], {}
    for index, item in enumerate(items):
        try:
            valid.append(validate(item))
        except serializers.ValidationError as error:
            invalid[index] = error.detail
            if len(invalid) == MAX_FIELD_ERRORS:
                break
    if invalid:
        raise serializers.ValidationError(invalid)
    return valid


class BoundedListSerializer(serializers.ListSerializer):
    """Of a serializer whose items come by the thousand: `many=True` with a `max_length`."""

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, list):
            self.fail("not_a_list", input_type=type(data).__name__)
        if len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        return run_child_validations(self.run_child_validation, data)


class BoundedListField(serializers.ListField):
    """A list of at most `max_length` items, or `max_sent` where some of them may be dropped.

    It is refused for its length before its items are looked at: those of a long body would take minutes.
    """

    def __init__(self, *, max_length: int, max_sent: int = 0, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, **kwargs)
        self.max_sent = max_sent or max_length

    def to_internal_value(self, data: Any) -> list[Any]:
        if isinstance(data, list) and len(data) > self.max_sent:
            self.fail("max_length", max_length=self.max_sent)
        return super().to_internal_value(data)

    def run_child_validation(self, data: list[Any]) -> list[Any]:
        return run_child_validations(self.child.run_validation, data)


class BoundedDictField(serializers.DictField):
    """An object of at most `max_length` entries, which is refused as a `BoundedListField` is."""

    default_error_messages = {"max_length": serializers.ListField.default_error_messages["max_length"]}

    def __init__(self, *, max_length: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_length = max_length

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, dict) and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        return super().to_internal_value(data)


class TagsField(BoundedListField):
    """Short texts in the given order, without duplicates."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("child", LineField(max_length=MAX_TAG_LENGTH))
        kwargs.setdefault("max_length", MAX_TAGS)
        super().__init__(max_sent=100 * MAX_TAGS, **kwargs)

    def to_internal_value(self, data: Any) -> list[str]:
        return list(dict.fromkeys(super().to_internal_value(data)))


class ListItemMixin:
    """For a serializer of rows whose long values `long_values.load` has loaded, as far as they fit in their list."""

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        for name in self.Meta.model.LONG_VALUES:
            fields[name].allow_null = True
        text = "The fields that are null because they would make the list too long; the item's own URL has them."
        fields["omitted"] = serializers.ListField(child=serializers.CharField(), required=False, help_text=text)
        return fields


@extend_schema_field({"type": "object", "additionalProperties": {}})
class JSONObjectField(serializers.Field):
    """A JSON object within the limits of `validate_json_object`."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        try:
            return validate_json_object(data)
        except ValidationError as error:
            raise serializers.ValidationError(error.messages, code=error.code) from error

    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        return value
