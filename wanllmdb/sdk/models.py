"""Read-only records of projects, runs and aliases, as the API returns them."""

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
    """ISO 8601 in UTC, as all timestamps here."""

    @property
    def full_name(self) -> str:
        return f"{self.entity}/{self.name}"

    @classmethod
    def _from_record(cls, record: Mapping[str, Any]) -> Project:
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
    """A run as it was when it was fetched."""

    id: str
    project: str
    """`team/project`."""
    name: str
    state: str
    """`running`, `finished`, `failed`, `crashed`, `killed` …."""
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
    def _from_record(cls, record: Mapping[str, Any]) -> RunRecord:
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
    """One change of an alias. These records are permanent."""

    alias: str
    number: int
    """Counts the changes of this alias from 1; each starts at the version where the previous one ended."""
    from_version: str | None
    """The version before, such as `v2`; None if the alias was created."""
    to_version: str | None
    """The version after; None if the alias was removed."""
    changed_by: str
    face: str
    """The channel: `sdk`, `api`, `web`, `admin` or `worker`."""
    key: str
    """The name of the API key, if one was used."""
    reason: str
    proposal_id: str | None
    """The approved proposal, if there was one."""
    created_at: str
    is_rollback: bool | None = None
    """Whether it was moved back to the version before; None for changes made before this was recorded."""

    @classmethod
    def _from_record(cls, record: Mapping[str, Any]) -> AliasChange:
        return cls(**{item.name: record[item.name] for item in fields(cls)})


@dataclass(frozen=True)
class AliasProposal:
    """A proposed move that a second person approves or rejects, as it was when it was fetched."""

    id: str
    artifact_name: str
    alias: str
    from_version: str | None
    """The version of the alias when it was proposed; it is only moved from there."""
    to_version: str | None
    """The proposed version; None to remove the alias."""
    reason: str
    proposed_by: str
    state: str
    """`open`, `approved`, `rejected` or `withdrawn`."""
    decided_by: str | None
    comment: str
    """The comment of the person who decided."""
    created_at: str
    decided_at: str | None
    is_rollback: bool | None = None
    """Whether it moves the alias back to the version before; None for proposals made before this was recorded."""

    @classmethod
    def _from_record(cls, record: Mapping[str, Any]) -> AliasProposal:
        return cls(**{item.name: record[item.name] for item in fields(cls) if item.name in record})
