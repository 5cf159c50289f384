"""Impact: everything that was made from a version, directly or not, and who owns it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from artifacts.models import ArtifactVersion
from projects.models import Run

MAX_PAGE, DEFAULT_PAGE = 1000, 100


class Group(StrEnum):
    """What is affected, in the order in which it is listed."""

    PROTECTED = "protected"  # Versions that carry a protected alias.
    ALIASED = "aliased"  # Versions that carry other aliases, beside `latest` that follows by itself.
    RUNNING = "running"
    VERSION = "version"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class Affected:
    """A version or run downstream that the reader may see; `thing` with project, team and who made it.

    `distance` is the number of steps from the version: 1 for a run that used it, 2 for what that run logged.
    """

    group: Group
    thing: ArtifactVersion | Run
    distance: int
    aliases: list[str]
    protected_aliases: list[str]

    @property
    def kind(self) -> str:
        """`version` or `run`."""
        return "run" if isinstance(self.thing, Run) else "version"


class ProjectCount(NamedTuple):
    """How much of a project is affected."""

    project: str
    team: str
    versions: int
    runs: int


class TeamOwners(NamedTuple):
    """A team with something that is affected, and its admins by name, the first ones."""

    team: str
    owners: list[str]


@dataclass(frozen=True, slots=True)
class Summary:
    """Numbers of what is affected. `private` is what the reader may not see, which counts in no other number.

    `versions` and `runs` are all of them; `protected`, `aliased` (protected ones included) and `running` are parts.
    Without `is_complete` there is more than was looked at: each number is "at least".
    """

    versions: int
    runs: int
    protected: int
    aliased: int
    running: int
    projects: int
    teams: int
    private: int
    is_complete: bool

    def __bool__(self) -> bool:
        """Whether anything at all is affected."""
        return bool(self.versions or self.runs or self.private)


@dataclass(frozen=True, slots=True)
class Filter:
    """Empty values leave nothing out; `project` is `team/project`."""

    groups: tuple[Group, ...] = ()
    project: str = ""
    team: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """`projects` and `teams` are of all that is affected, whatever the filter."""

    summary: Summary
    results: list[Affected]
    next_cursor: str | None
    projects: list[ProjectCount]
    teams: list[TeamOwners]


def summary(user: Any, version: ArtifactVersion) -> Summary:
    """What a warning says before the version is deleted, or loses a protected alias. A fixed number of queries."""
    raise NotImplementedError


def page(
    user: Any, version: ArtifactVersion, *, filter: Filter = Filter(), cursor: str = "", limit: int = DEFAULT_PAGE
) -> Page:
    """A page of what is affected, by group and then the nearest first. Raises `Invalid` for a wrong cursor."""
    raise NotImplementedError


def csv_lines(user: Any, version: ArtifactVersion, *, filter: Filter = Filter()) -> Iterator[str]:
    """All of it as lines of CSV, with a header; a text that a spreadsheet would take for a formula gets a `'`."""
    raise NotImplementedError
