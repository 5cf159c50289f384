"""Serializers of records: what is sent, and for the schema what `hierarchies.json_records` answers."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from api.artifacts.fields import HashField, SizeField
from api.fields import BoundedListField, BoundedListSerializer, EnumField, LineField, TagsField
from api.pagination import MAX_PAGE_SIZE, PageQuery
from artifacts import validators
from hierarchies import records, ulids
from hierarchies.models import RecordPayload
from hierarchies.models.payload import MAX_REPR_LENGTH
from hierarchies.validators import MAX_LEVEL, MAX_TYPE_LENGTH

MAX_PAYLOADS = 1_000
MAX_POINTER_LENGTH = 1_024
# What `data` says of itself where it is forgotten, or null.
_NO_DATA = "Send `data`: a JSON object, or another JSON value that is not null."


@extend_schema_field({"type": "string", "minLength": 26, "maxLength": 26})
class UlidField(serializers.Field):
    """The id of a record, in upper or lower case. Raises `InvalidUlid`, which is no error of a field."""

    def to_internal_value(self, data: Any) -> str:
        return ulids.parse(data)

    def to_representation(self, value: str) -> str:
        return value


@extend_schema_field({"type": "string"})
class ParentField(UlidField):
    """The id of a record, or `#3` for the fourth of the same batch."""

    def to_internal_value(self, data: Any) -> str:
        return data if isinstance(data, str) and data.startswith("#") else super().to_internal_value(data)


@extend_schema_field({"description": "Any JSON, but null."})
class DataField(serializers.Field):
    """Any JSON value but null. The verbs look into it."""

    default_error_messages = {"required": _NO_DATA, "null": _NO_DATA}

    def to_internal_value(self, data: Any) -> Any:
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class PayloadAttach(serializers.Serializer):
    id = serializers.UUIDField(help_text="Of `$payloads`; its bytes have been sent.")
    pointer = serializers.CharField(
        max_length=MAX_POINTER_LENGTH,
        allow_blank=True,
        default="",
        trim_whitespace=False,
        help_text="Where its value is in `data` (RFC 6901); empty for all of it.",
    )
    content_type = LineField(max_length=255, required=False, help_text="That of `$payloads` if absent.")
    kind = EnumField(RecordPayload.Kind, default=RecordPayload.Kind.BYTES)
    type = LineField(max_length=255, required=False, allow_blank=True, help_text="The class of the object.")
    module = LineField(max_length=255, required=False, allow_blank=True, help_text="The module of its class.")
    repr = serializers.CharField(max_length=MAX_REPR_LENGTH, required=False, allow_blank=True, trim_whitespace=False)
    error = serializers.CharField(max_length=500, required=False, allow_blank=True, trim_whitespace=False)
    signature = LineField(max_length=255, required=False, allow_blank=True, help_text="Of who pickled it.")


class RecordUpdate(serializers.Serializer):
    parent_id = UlidField(
        required=False, allow_null=True, help_text="Moves it, with all below it: null for among the roots."
    )
    data = DataField(required=False)
    type = LineField(required=False, allow_blank=True, max_length=MAX_TYPE_LENGTH)
    tags = TagsField(required=False)
    payloads = BoundedListField(child=PayloadAttach(), max_length=MAX_PAYLOADS, required=False)


class RecordCreate(RecordUpdate):
    id = UlidField(required=False, help_text="A new one if absent.")
    parent_id = UlidField(required=False, allow_null=True, help_text="Null for a root.")
    data = DataField()
    type = LineField(
        required=False, allow_blank=True, max_length=MAX_TYPE_LENGTH, help_text="`type` of the data if absent."
    )


class BatchItem(RecordCreate):
    parent_id = ParentField(
        required=False, allow_null=True, help_text="An id, `#3` for the fourth item, or null for a root."
    )

    class Meta:
        list_serializer_class = BoundedListSerializer


class RecordBatch(serializers.Serializer):
    items = BatchItem(many=True, max_length=records.MAX_RECORDS_A_CALL)


class RecordDeleteMany(serializers.Serializer):
    ids = BoundedListField(child=UlidField(), max_length=records.MAX_RECORDS_A_CALL)
    recursive = serializers.BooleanField(default=False, help_text="With all below them.")


class RecordsDeleted(serializers.Serializer):
    deleted = serializers.IntegerField()


class PayloadSerializer(serializers.Serializer):
    """Bytes of a record that are in the object store, and which part of its data they are."""

    id = serializers.UUIDField()
    pointer = serializers.CharField(allow_blank=True)
    content_type = serializers.CharField()
    size = serializers.IntegerField()
    kind = serializers.ChoiceField(RecordPayload.Kind.choices)
    type = serializers.CharField(allow_blank=True)
    module = serializers.CharField(allow_blank=True)
    repr = serializers.CharField(allow_blank=True)
    error = serializers.CharField(allow_blank=True)
    signature = serializers.CharField(allow_blank=True)
    sha256 = serializers.CharField(allow_null=True)


class RecordSerializer(serializers.Serializer):
    """A record of a tree."""

    id = UlidField()
    parent_id = UlidField(allow_null=True)
    level = serializers.IntegerField(min_value=0, max_value=MAX_LEVEL)
    level_label = serializers.CharField()
    type = serializers.CharField(allow_blank=True)
    data = DataField()
    tags = serializers.ListField(child=serializers.CharField())
    payloads = PayloadSerializer(many=True)
    created_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    omitted = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text="`data` where it would make the list too long: it has the small members, or none.",
    )


@extend_schema_field({"type": "array", "items": {"$ref": "#/components/schemas/RecordTree"}})
class _Children(serializers.Field):
    """Nodes like the one that has them."""


class RecordTreeSerializer(RecordSerializer):
    """A record with all below it, as deep as was asked for."""

    children = _Children()


class RecordExpandedSerializer(RecordTreeSerializer):
    """A record with all above and below it."""

    ancestors = RecordSerializer(many=True, help_text="From the root to its parent.")


class RecordPageSerializer(serializers.Serializer):
    """A page by its number, or by a cursor."""

    items = RecordSerializer(many=True)
    total = serializers.IntegerField(required=False)
    page = serializers.IntegerField(required=False)
    size = serializers.IntegerField(required=False)
    pages = serializers.IntegerField(required=False)
    next_cursor = serializers.CharField(required=False, allow_null=True)


class RecordBatchCreated(serializers.Serializer):
    items = RecordSerializer(many=True)


class TreeRequest(serializers.Serializer):
    root_id = UlidField()
    max_depth = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=MAX_LEVEL + 1, help_text="All if absent."
    )


class ExpandRequest(serializers.Serializer):
    artifact_id = UlidField()
    max_depth = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=MAX_LEVEL + 1, help_text="All if absent."
    )


class PayloadUploadRequest(serializers.Serializer):
    sha256 = HashField(validators.SHA256)
    size = SizeField()
    content_type = LineField(max_length=255, required=False, default="application/octet-stream")


class PayloadUploadsRequest(serializers.Serializer):
    payloads = BoundedListField(child=PayloadUploadRequest(), max_length=MAX_PAYLOADS)


class PayloadPutSerializer(serializers.Serializer):
    url = serializers.CharField()
    headers = serializers.DictField(child=serializers.CharField(), help_text="Send them along, to the letter.")


class PayloadUploadSerializer(serializers.Serializer):
    id = serializers.UUIDField(help_text="For `payloads` of a record.")
    put = PayloadPutSerializer(allow_null=True, help_text="Null where the bytes are here already.")


class PayloadUploadsSerializer(serializers.Serializer):
    payloads = PayloadUploadSerializer(many=True)


class ImportedSerializer(serializers.Serializer):
    imported = serializers.IntegerField(help_text="How many records.")
    payloads = serializers.IntegerField(help_text="How many payloads of them.")


class RecordQuery(serializers.Serializer):
    """Beside these, `data.experiment_name=x` finds records by their data, at any depth."""

    page = serializers.IntegerField(min_value=1, max_value=2**31 - 1, default=1)
    size = serializers.IntegerField(min_value=1, max_value=MAX_PAGE_SIZE, default=50)
    envelope = serializers.BooleanField(default=True, help_text="`false` for the items alone, as a list.")
    cursor = PageQuery().fields["cursor"]
    level = serializers.IntegerField(required=False, min_value=0, max_value=MAX_LEVEL)
    parent_id = serializers.CharField(
        required=False, allow_blank=True, max_length=26, help_text="An id, or `null` for the roots."
    )
    type = serializers.CharField(required=False, max_length=MAX_TYPE_LENGTH)
    tag = serializers.CharField(required=False, max_length=64)
    ids = serializers.CharField(
        required=False, allow_blank=True, help_text=f"At most {MAX_PAGE_SIZE} ids, with commas between them."
    )

    def validate_ids(self, value: str) -> list[str]:
        ids = [ulids.parse(text.strip()) for text in value.split(",") if text.strip()]
        if len(ids) > MAX_PAGE_SIZE:
            raise ValidationError(f"Ask for at most {MAX_PAGE_SIZE} records by their ids.")
        return ids

    def validate_parent_id(self, value: str) -> str | None:
        return None if value == "null" else ulids.parse(value)


class DepthQuery(serializers.Serializer):
    max_depth = serializers.IntegerField(
        required=False, min_value=0, max_value=MAX_LEVEL + 1, help_text="How many levels below it; all if absent."
    )


class DownloadQuery(serializers.Serializer):
    pointer = serializers.CharField(
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        max_length=MAX_POINTER_LENGTH,
        help_text="What of the data (RFC 6901), such as `/content`; empty for all of it.",
    )
    payload = serializers.UUIDField(required=False, help_text="The payload of this id.")
    format = serializers.ChoiceField(
        ["csv", "json", "parquet"], required=False, help_text="Of a data frame. `Accept` says it as well."
    )


class ExportQuery(serializers.Serializer):
    after = serializers.CharField(
        required=False, max_length=26, help_text="The last record that has arrived whole: go on after it."
    )
