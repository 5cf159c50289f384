"""The JSON schema of records, for clients that check or draw forms by it."""

from typing import Any

from pydantic.json_schema import models_json_schema

from hierarchies.models import Hierarchy
from hierarchies.validators import MAX_LEVEL, MAX_TYPE_LENGTH
from wanllmdb.records.typed_data import SCHEMAS

_ULID = {"type": "string", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"}
_TIME = {"type": "string", "format": "date-time", "readOnly": True}


def of(hierarchy: Hierarchy) -> dict[str, Any]:
    """A record of this hierarchy. Data whose `type` is a known one has that form; other data is any JSON but null."""
    names, definitions = models_json_schema([(schema, "validation") for schema in SCHEMAS.values()])
    deepest = max(hierarchy.levels) if hierarchy.enforce_levels and hierarchy.levels else MAX_LEVEL
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Record of {hierarchy.name}",
        "type": "object",
        "required": ["data"],
        "properties": {
            "id": _ULID,
            "parent_id": {"anyOf": [_ULID, {"type": "null"}], "default": None},
            "level": {"type": "integer", "minimum": 0, "maximum": deepest, "readOnly": True},
            "level_label": {"type": "string", "readOnly": True},
            "type": {"type": "string", "maxLength": MAX_TYPE_LENGTH},
            "data": {"anyOf": [*names.values(), {"not": {"type": "null"}}]},
            "tags": {"type": "array", "items": {"type": "string", "maxLength": 64}, "maxItems": 100},
            "created_at": _TIME,
            "updated_at": _TIME,
        },
        "$defs": definitions["$defs"],
    }
