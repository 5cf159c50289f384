"""Records as people give them and get them: `ArtifactIn`, `ArtifactOut`, `ArtifactTreeNode`."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    field_validator,
)
from ulid import ULID

from wanllmdb.records import placeholders
from wanllmdb.records.errors import InvalidUlid


def to_ulid(value: object) -> ULID:
    """The ULID that a text, in upper or lower case, or a ULID stands for. Raises `InvalidUlid`, a ValueError."""
    if isinstance(value, ULID):
        return value
    if isinstance(value, str):
        try:
            ulid: ULID = ULID.from_str(value)
            return ulid
        except ValueError:
            pass
    shown = repr(value)
    raise InvalidUlid(f"{shown[:40]}{'…' * (len(shown) > 40)} is not a ULID")


def _utc_text(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


Ulid = Annotated[
    ULID,
    BeforeValidator(to_ulid),
    PlainSerializer(str, return_type=str, when_used="json-unless-none"),
    WithJsonSchema({"type": "string", "format": "ulid", "minLength": 26, "maxLength": 26}),
]
"""Taken in upper and lower case, given as a `ulid.ULID`, upper case in JSON."""

Utc = Annotated[AwareDatetime, PlainSerializer(_utc_text, return_type=str, when_used="json-unless-none")]
"""A moment in UTC; in JSON it ends in Z."""

Data = Annotated[Any, PlainSerializer(placeholders.to_placeholders, when_used="json-unless-none")]
"""Any data. In JSON, what is not JSON appears as a placeholder, at any depth."""


def _require_plain_text(text: str) -> str:
    if not placeholders.is_plain_text(text):
        raise ValueError("must not contain a NUL character or half of a surrogate pair")
    return text


PlainText = Annotated[str, AfterValidator(_require_plain_text)]
Tag = Annotated[PlainText, Field(min_length=1, max_length=64)]


class ArtifactIn(BaseModel):
    """A record to create, or, if `id` is that of an existing one, to update.

    An update changes only what was given: without `parent_id` the record stays where it is, and with
    `parent_id=None` it becomes a root. `level` is computed, whatever is given.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    id: Ulid | None = None
    data: Data = Field(description="JSON, with Python objects and data frames at any depth")
    parent_id: Ulid | None = None
    level: int | None = Field(default=None, description="Ignored: a record's level is that of its parent plus one")
    type: PlainText | None = Field(default=None, max_length=64, description="By default `type` of the data")
    tags: list[Tag] = Field(default_factory=list, max_length=64)

    @field_validator("data", mode="before")
    @classmethod
    def _refuse_nothing(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("must not be null: a record has data, if only {}")
        return value


class ArtifactOut(BaseModel):
    """A stored record."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    id: Ulid
    parent_id: Ulid | None = None
    level: int
    type: str = ""
    data: Data
    tags: list[str] = Field(default_factory=list)
    created_at: Utc
    updated_at: Utc


class ArtifactTreeNode(ArtifactOut):
    """A record in its tree.

    `children` is [] for a leaf and None where the children were not asked for; `ancestors`, root first, is there
    after `expand_artifact` only.
    """

    level_label: str | None = None
    hierarchy: str | None = None
    children: list[ArtifactTreeNode] | None = None
    ancestors: list[ArtifactTreeNode] | None = None
