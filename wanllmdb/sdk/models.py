"""What the server tells of projects, runs and aliases, as plain read-only records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
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


@dataclass(frozen=True)
class AliasChange:
    """One thing that happened to an alias. Such records are never changed, and never removed."""

    alias: str
    number: int
    """Counts the changes of this alias from 1: each begins where the one before ended."""
    from_version: str | None
    """Where it was, such as `v2`; None if it was made."""
    to_version: str | None
    """Where it went; None if it was removed."""
    changed_by: str
    face: str
    """`sdk`, `api`, `web`, `admin` or `worker`."""
    key: str
    """The name of the API key, if it was done with one."""
    reason: str
    proposal_id: str | None
    """The proposal that was approved, if one was."""
    created_at: str

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> AliasChange:
        return cls(**{column.name: record[column.name] for column in fields(cls)})


@dataclass(frozen=True)
class AliasProposal:
    """A move that waits, or waited, for a second person, as it was when it was asked for."""

    id: str
    artifact_name: str
    alias: str
    from_version: str | None
    """Where the alias was when it was proposed: it is moved only from there."""
    to_version: str | None
    """Where it is to go; None to remove it."""
    reason: str
    proposed_by: str
    state: str
    """`open`, `approved`, `rejected` or `withdrawn`."""
    decided_by: str | None
    comment: str
    """Of who decided."""
    created_at: str
    decided_at: str | None

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> AliasProposal:
        return cls(**{column.name: record[column.name] for column in fields(cls)})
