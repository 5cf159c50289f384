"""A hierarchy: its name, and what the levels of its trees are called."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_serializer

from wanllmdb.records.errors import LevelRefused

MAX_LEVELS = 64
"""A tree has at most so many levels: 0 to 63."""

Level = Annotated[int, Field(ge=0, lt=MAX_LEVELS)]
Label = Annotated[str, Field(min_length=1, max_length=64)]


def _read_only(labels: Mapping[int, str]) -> Mapping[int, str]:
    return MappingProxyType(dict(sorted(labels.items())))


class ArtifactHierarchy(BaseModel):
    """Name and level labels of trees of records. It never changes after it was made.

    With labels and `enforce_levels`, no record can be deeper than the last labelled level. Without labels a tree may
    have 64 levels.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=128, description="Name of the hierarchy")
    level_labels: Annotated[Mapping[Level, Label], AfterValidator(_read_only)] = Field(
        default_factory=dict, validate_default=True, description="What a level is called, such as {0: 'experiment'}"
    )
    enforce_levels: bool = Field(default=True, description="Whether records deeper than the labels are refused")

    # The names of what `describe` returns.
    hierarchy_key: ClassVar[str] = "hierarchy"
    depth_key: ClassVar[str] = "level_depth"
    label_key: ClassVar[str] = "level_label"

    def __hash__(self) -> int:
        return hash((self.name, tuple(self.level_labels.items()), self.enforce_levels))

    @field_serializer("level_labels")
    def _plain_labels(self, labels: Mapping[int, str]) -> dict[int, str]:
        return dict(labels)

    def label_for(self, level: int) -> str:
        """The label of a level; `level_3` if it has none."""
        return self.level_labels.get(level, f"level_{level}")

    def describe(self, level: int) -> dict[str, Any]:
        """The name of the hierarchy, the level and its label."""
        return {self.hierarchy_key: self.name, self.depth_key: level, self.label_key: self.label_for(level)}

    @property
    def max_level(self) -> int:
        """The deepest level that a record may have."""
        return max(self.level_labels) if self.enforce_levels and self.level_labels else MAX_LEVELS - 1

    def require_level(self, level: int) -> None:
        """Raise `LevelRefused` unless a record may be at this level."""
        if level <= self.max_level:
            return
        if self.enforce_levels and self.level_labels:
            raise LevelRefused(
                f"Level {level} is beyond the levels of hierarchy {self.name!r}: the last is {self.max_level} "
                f"({self.label_for(self.max_level)})"
            )
        raise LevelRefused(f"A tree has at most {MAX_LEVELS} levels: this record would be at level {level}")


ANY_HIERARCHY = ArtifactHierarchy(name="records")
"""What holds where no hierarchy was given: no labels, 64 levels."""
