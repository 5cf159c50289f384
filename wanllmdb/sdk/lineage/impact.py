"""What is downstream of a version: the versions and runs that a change of it would affect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from wanllmdb.sdk.http_client import Client
from wanllmdb.sdk.paginated_list import Page, PaginatedList, page_size

# How many versions and runs the server looks at, if there are so many: all that it can.
_SCAN_LIMIT = 10_000


@dataclass(frozen=True)
class Affected:
    """A version or a run downstream of the version that was asked for."""

    id: str
    kind: str
    """`version` or `run`."""
    name: str
    """Of the artifact or the run."""
    project: str
    """`team/project`."""
    team: str
    owner: str
    """Who created it; empty if that user was deleted."""
    group: str
    """Why it is listed where it is: `protected`, `aliased`, `running`, `version` or `run`."""
    distance: int
    """So many steps from the version that was asked for, the shortest way."""
    version: str | None = None
    """`v3`, of a version."""
    type: str | None = None
    """Of the artifact."""
    aliases: list[str] = field(default_factory=list)
    protected_aliases: list[str] = field(default_factory=list)
    """Those of them that only some may move."""
    state: str | None = None
    """Of a run: `running`, `finished`, `failed`, `crashed`, `killed` …."""
    url: str | None = None

    @property
    def qualified_name(self) -> str:
        """`team/project/name:v3`, or `team/project/run`."""
        return f"{self.project}/{self.name}" + (f":{self.version}" if self.version else "")

    @classmethod
    def _from_record(cls, record: Mapping[str, Any]) -> Affected:
        project = str(record.get("project") or "")
        return cls(
            id=str(record["id"]),
            kind=str(record["kind"]),
            name=str(record.get("name") or ""),
            project=project,
            team=str(record.get("team") or project.partition("/")[0]),
            owner=str(record.get("owner") or ""),
            group=str(record.get("group") or record["kind"]),
            distance=int(record.get("distance") or 0),
            version=record.get("version"),
            type=record.get("type"),
            aliases=list(record.get("aliases") or ()),
            protected_aliases=list(record.get("protected_aliases") or ()),
            state=record.get("state"),
            url=record.get("url"),
        )


class Impact(PaginatedList[Affected]):
    """Everything downstream: versions with protected aliases first, then those with others, running runs, the rest.

    It is fetched page by page, as far as it is read.
    """

    def __init__(self, fetch: Callable[[str], Page[Affected]], summaries: list[dict[str, Any]]) -> None:
        super().__init__(fetch)
        self._summaries = summaries

    @property
    def summary(self) -> dict[str, Any]:
        """How many there are, as the server counted for the first page: `versions` `runs` `protected` `aliased`
        `running` `projects` `teams` `private`, and whether it `is_complete`."""
        self._load(1)
        return dict(self._summaries[0])


def fetch(client: Client, path: str, per_page: int | None, guard: Callable[[], AbstractContextManager[None]]) -> Impact:
    """The impact at a path of the API. Requests are made within `guard()`. Raises `Invalid` for a bad `per_page`."""
    size = page_size(per_page)
    summaries: list[dict[str, Any]] = []

    def fetch_page(cursor: str) -> Page[Affected]:
        with guard():
            response = client.get(path, cursor=cursor or None, limit=size, scan_limit=_SCAN_LIMIT)
        summaries.append(dict(response.get("summary") or {}))
        return [Affected._from_record(record) for record in response["results"]], response["next_cursor"]

    return Impact(fetch_page, summaries)
