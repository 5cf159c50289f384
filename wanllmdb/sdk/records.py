"""What the server tells of projects, runs and artifacts, as plain read-only records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Project:
    """A project of a team."""

    id: str
    entity: str
    """The team."""
    name: str
    description: str
    visibility: str
    """`private` or `internal`."""
    created_at: str
    """ISO 8601, UTC, as all times here."""

    @property
    def full_name(self) -> str:
        return f"{self.entity}/{self.name}"

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Project:
        return cls(
            id=record["id"],
            entity=record["team"],
            name=record["name"],
            description=record["description"],
            visibility=record["visibility"],
            created_at=record["created_at"],
        )


@dataclass(frozen=True)
class RunRecord:
    """A run as it was when it was asked for."""

    id: str
    project: str
    """`team/project`."""
    name: str
    state: str
    """`running`, `finished`, `crashed` or `killed`."""
    config: dict[str, Any] = field(repr=False)
    summary: dict[str, Any] = field(repr=False)
    tags: list[str]
    job_type: str
    group: str
    created_by: str
    started_at: str
    finished_at: str | None
    url: str

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> RunRecord:
        return cls(
            id=record["id"],
            project=record["project_name"],
            name=record["display_name"] or record["name"],
            state=record["state"],
            config=record["config"],
            summary=record["summary"],
            tags=record["tags"],
            job_type=record["job_type"],
            group=record["group"],
            created_by=record["created_by"],
            started_at=record["started_at"],
            finished_at=record["finished_at"],
            url=record["url"],
        )
