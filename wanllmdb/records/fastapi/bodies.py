"""What the endpoints of a service take and answer. Answers are JSON with placeholders: no object is loaded for them."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, Field

from wanllmdb.records import wire
from wanllmdb.records.errors import InvalidData
from wanllmdb.records.hierarchy import MAX_LEVELS, ArtifactHierarchy
from wanllmdb.records.repository import StoredRecord
from wanllmdb.records.schemas import ArtifactOut, Ulid

MAX_ITEMS = 1_000

OutT = TypeVar("OutT", bound=BaseModel)


class Page(BaseModel, Generic[OutT]):
    """One page of a list."""

    items: list[OutT]
    total: int
    page: int
    size: int
    pages: int


def page_type(out_type: type[BaseModel]) -> Any:
    """The type of a list's answer: a page, or the items alone."""
    return Page[out_type] | list[out_type]  # type: ignore[valid-type]


class TreeRequest(BaseModel):
    root_id: Ulid
    max_depth: int | None = Field(default=None, ge=0, le=MAX_LEVELS, description="All levels if absent")


class ExpandRequest(BaseModel):
    artifact_id: Ulid


class DeleteRequest(BaseModel):
    ids: list[Ulid] = Field(max_length=MAX_ITEMS)


class BatchRequest(BaseModel):
    """Records to create. `parent_id` may be `#3`, which is the fourth of them."""

    items: list[dict[str, Any]] = Field(max_length=MAX_ITEMS)


class Bodies:
    """The answers of one router."""

    def __init__(self, out_type: type[BaseModel], hierarchy: ArtifactHierarchy) -> None:
        self._out_type, self._hierarchy = out_type, hierarchy

    def record(self, record: StoredRecord) -> dict[str, Any]:
        label = self._hierarchy.label_for(record.level)
        body = {**wire.to_json(record, self._hierarchy), "level_label": label}
        if self._out_type is ArtifactOut:
            return body
        return {**body, **self._out_type.model_validate(body).model_dump(mode="json")}

    def tree(self, records: Sequence[StoredRecord]) -> dict[str, Any]:
        """The first of the records with the others beneath it. Parents come before their children."""
        by_id = {record.id: {**self.record(record), "children": []} for record in records}
        for record in records[1:]:
            if record.parent_id is not None:
                by_id[record.parent_id]["children"].append(by_id[record.id])
        return by_id[records[0].id]

    def expanded(self, ancestors: Sequence[StoredRecord], records: Sequence[StoredRecord]) -> dict[str, Any]:
        return {**self.tree(records), "ancestors": [self.record(record) for record in ancestors]}


def refer_to_earlier(items: Sequence[Mapping[str, Any]], ids: Sequence[str]) -> list[dict[str, Any]]:
    """The items with ids of their own, by which `#3` becomes the fourth's. Raises `InvalidData` for a later one's."""
    bodies: list[dict[str, Any]] = []
    for place, item in enumerate(items):
        body = {"id": ids[place], **item}
        parent = item.get("parent_id")
        if isinstance(parent, str) and parent.startswith("#"):
            number = int(parent[1:]) if parent[1:].isdecimal() else place
            if number >= place:
                raise InvalidData(f"items.{place}: {parent} is none of the items before it")
            body["parent_id"] = bodies[number]["id"]
        bodies.append(body)
    return bodies


def schema_of(out_type: type[BaseModel], hierarchy: ArtifactHierarchy) -> dict[str, Any]:
    """The JSON schema of a record of the hierarchy."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **out_type.model_json_schema(mode="serialization"),
        "title": f"Record of {hierarchy.name}",
    }
