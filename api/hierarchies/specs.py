"""From the fields of a body to what the verbs take."""

from typing import Any

from hierarchies.records import RecordSpec


def record_spec(data: dict[str, Any]) -> RecordSpec:
    return RecordSpec(
        data=data["data"],
        parent_id=data.get("parent_id"),
        type=data.get("type", ""),
        tags=data.get("tags", ()),
        id=data.get("id"),
    )
