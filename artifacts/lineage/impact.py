"""Impact: everything that was made from a version, directly or not, and who owns it.

All of it is looked at anew for each page, as ids only, and no more than so many: then a number says "at least".
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from accounts.models import Membership, Role, Team
from artifacts import errors, validators
from artifacts.aliases import protection
from artifacts.lineage import edges, nodes, recursive_queries
from artifacts.lineage.recursive_queries import RUN, VERSION, Ref
from artifacts.models import Artifact, ArtifactAlias, ArtifactVersion
from core import long_values
from core.bounded_count import COUNT_LIMIT
from core.cursors import decode_cursor, encode_cursor
from projects.models import Project, Run, State

MAX_PAGE, DEFAULT_PAGE = 1000, 100
MAX_PROJECTS, MAX_OWNERS = 100, 5
_CSV_CHUNK = 500


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

    @property
    def project(self) -> Project:
        return nodes.project_of(self.thing)

    @property
    def owner(self) -> str:
        """Who made it, by name; "" where that user is gone."""
        return self.thing.created_by.username if self.thing.created_by else ""

    @property
    def created_at(self) -> datetime:
        return self.thing.started_at if isinstance(self.thing, Run) else self.thing.created_at


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


NO_FILTER = Filter()


@dataclass(frozen=True, slots=True)
class Page:
    """`projects` and `teams` are of all that is affected, whatever the filter; at most `MAX_PROJECTS` of each."""

    summary: Summary
    results: list[Affected]
    next_cursor: str | None
    projects: list[ProjectCount]
    teams: list[TeamOwners]


def summary(user: Any, version: ArtifactVersion) -> Summary:
    """What a warning says before the version is deleted, or loses a protected alias. Seven queries, or fewer."""
    return _look(user, version).summary()


def page(
    user: Any, version: ArtifactVersion, *, filter: Filter = NO_FILTER, cursor: str = "", limit: int = DEFAULT_PAGE
) -> Page:
    """A page of what is affected, by group and then the nearest first. Raises `Invalid` for a wrong cursor."""
    after = _decode(cursor) if cursor else None
    found = _look(user, version)
    entries = found.sorted_entries(filter)
    if after is not None:
        entries = [entry for entry in entries if entry.key > after]
    on_page = entries[:limit]
    next_cursor = _encode(on_page[-1].key) if len(entries) > limit else None
    return Page(found.summary(), _load(user, on_page), next_cursor, found.project_counts(), found.owners(user))


def all_affected(user: Any, version: ArtifactVersion, *, filter: Filter = NO_FILTER) -> Iterator[Affected]:
    """The same as all pages, loaded some at a time. Who is to be told of an error is told before the first one."""
    entries = _look(user, version).sorted_entries(filter)
    chunks = (entries[start : start + _CSV_CHUNK] for start in range(0, len(entries), _CSV_CHUNK))
    return (affected for chunk in chunks for affected in _load(user, chunk))


class _Entry(NamedTuple):
    """Of what is affected as much as decides where it is listed. `key` is that order, and unique."""

    ref: Ref
    group: Group
    distance: int
    project: UUID
    aliases: list[str]
    protected: list[str]

    @property
    def key(self) -> tuple[int, int, int]:
        return (_RANKS[self.group], self.distance, -self.ref.pk.int)


_RANKS = {group: rank for rank, group in enumerate(Group)}


@dataclass(frozen=True, slots=True)
class _Found:
    """All that is downstream; distances only once they are needed."""

    root: UUID
    versions: dict[UUID, UUID | None]
    runs: set[UUID]
    entries: list[_Entry]
    projects: dict[UUID, Project]
    private: int
    is_complete: bool

    def summary(self) -> Summary:
        groups = Counter(entry.group for entry in self.entries)
        runs = groups[Group.RUNNING] + groups[Group.RUN]
        used = {entry.project for entry in self.entries}
        return Summary(
            versions=len(self.entries) - runs,
            runs=runs,
            protected=groups[Group.PROTECTED],
            aliased=groups[Group.PROTECTED] + groups[Group.ALIASED],
            running=groups[Group.RUNNING],
            projects=len(used),
            teams=len({self.projects[pk].team_id for pk in used}),
            private=self.private,
            is_complete=self.is_complete,
        )

    def sorted_entries(self, filter: Filter) -> list[_Entry]:
        distances = self._distances()
        furthest = max(distances.values())
        matching = [
            entry._replace(distance=distances.get(entry.ref, furthest))
            for entry in self.entries
            if _matches(filter, entry.group, self.projects[entry.project])
        ]
        return sorted(matching, key=lambda entry: entry.key)

    def project_counts(self) -> list[ProjectCount]:
        """Those with most of it first."""
        counts: Counter[UUID] = Counter(entry.project for entry in self.entries)
        runs: Counter[UUID] = Counter(entry.project for entry in self.entries if entry.ref.kind == RUN)
        return [
            ProjectCount(self.projects[pk].full_name, self.projects[pk].team.name, count - runs[pk], runs[pk])
            for pk, count in counts.most_common(MAX_PROJECTS)
        ]

    def owners(self, user: Any) -> list[TeamOwners]:
        """The teams by name, with the admins of those that the user is in. One query."""
        teams = {self.projects[entry.project].team for entry in self.entries}
        own = Team.objects.visible_to(user).filter(pk__in=[team.pk for team in teams]).values("pk")
        admins: dict[UUID, list[str]] = defaultdict(list)
        rows = Membership.objects.filter(team__in=own, role=Role.ADMIN).order_by("user__username")
        for team, name in rows.values_list("team", "user__username"):
            admins[team].append(name)
        listed = sorted(teams, key=lambda team: team.name)[:MAX_PROJECTS]
        return [TeamOwners(team.name, admins[team.pk][:MAX_OWNERS]) for team in listed]

    def _distances(self) -> dict[Ref, int]:
        """The number of steps from the version to all that was found. Two queries."""
        after: dict[Ref, list[Ref]] = defaultdict(list)
        for link in edges.between_versions(self.versions, self.runs):
            after[link.source].append(link.target)
        distances = {Ref(VERSION, self.root): 0}
        for ref in (queue := list(distances)):
            for target in after[ref]:
                if target not in distances:
                    distances[target] = distances[ref] + 1
                    queue.append(target)
        return distances


def _matches(filter: Filter, group: Group, project: Project) -> bool:
    return (
        (not filter.groups or group in filter.groups)
        and filter.project in ("", project.full_name)
        and filter.team in ("", project.team.name)
    )


def _look(user: Any, version: ArtifactVersion) -> _Found:
    refs = recursive_queries.downstream(Ref(VERSION, version.pk), COUNT_LIMIT + 1)
    is_complete = len(refs) <= COUNT_LIMIT
    refs = refs[:COUNT_LIMIT]
    versions = ArtifactVersion.objects.filter(pk__in=[ref.pk for ref in refs if ref.kind == VERSION]).order_by()
    runs = Run.objects.filter(pk__in=[ref.pk for ref in refs if ref.kind == RUN]).order_by()
    version_rows = list(versions.values_list("pk", "run", "state", "artifact", "artifact__project"))
    run_rows = list(runs.values_list("pk", "state", "project"))
    projects = nodes.visible_projects(user, [row[-1] for row in (*version_rows, *run_rows)])
    # A version that was deleted is affected no more, though what was made from it is.
    finalized = [row for row in version_rows if row[2] == ArtifactVersion.State.FINALIZED]
    visible = {row[0]: row[3] for row in finalized if row[-1] in projects}
    aliases = _aliases(visible)
    entries = [
        _Entry(Ref(VERSION, pk), _group(aliases[pk]), 0, project, aliases[pk].names, aliases[pk].protected)
        for pk, _, _, _, project in finalized
        if project in projects
    ]
    entries += [
        _Entry(Ref(RUN, pk), Group.RUNNING if state == State.RUNNING else Group.RUN, 0, project, [], [])
        for pk, state, project in run_rows
        if project in projects
    ]
    private = sum(row[-1] not in projects for row in (*finalized, *run_rows))
    runs_of = {row[0]: row[1] for row in version_rows} | {version.pk: version.run_id}
    return _Found(version.pk, runs_of, {row[0] for row in run_rows}, entries, projects, private, is_complete)


class _Aliases(NamedTuple):
    """Of one version; `counted` are those that make it one that carries aliases."""

    names: list[str]
    protected: list[str]
    counted: int


def _group(aliases: _Aliases) -> Group:
    if aliases.protected:
        return Group.PROTECTED
    return Group.ALIASED if aliases.counted else Group.VERSION


def _aliases(versions: dict[UUID, UUID]) -> dict[UUID, _Aliases]:
    """Of each of the versions, which are given with their artifacts. Three queries."""
    names: dict[UUID, list[str]] = defaultdict(list)
    rows = ArtifactAlias.objects.filter(version__in=versions).order_by("sort_key")
    for version, alias in rows.values_list("version", "alias"):
        names[version].append(alias)
    ids = {versions[pk] for pk in names}
    rows = Artifact.objects.filter(pk__in=ids).select_related("project__team").order_by()
    artifacts = {row.pk: row for row in long_values.defer(rows, "", "project")} if ids else {}
    rules = protection.rules_by_artifact(artifacts.values())
    found = defaultdict(lambda: _Aliases([], [], 0))
    for pk, own in names.items():
        artifact = artifacts.get(versions[pk])
        if artifact is not None:
            # `latest` that follows by itself stands for nobody's choice.
            chosen = [name for name in own if name != validators.LATEST or not artifact.auto_latest]
            protected = [name for name in chosen if any(rule.covers(name) for rule in rules[artifact.pk])]
            found[pk] = _Aliases(own, protected, len(chosen))
    return found


def _load(user: Any, entries: Sequence[_Entry]) -> list[Affected]:
    """Those that are still there. At most seven queries."""
    things = nodes.visible(user, nodes.load((entry.ref for entry in entries), "created_by"))
    return [
        Affected(entry.group, things[entry.ref], entry.distance, entry.aliases, entry.protected)
        for entry in entries
        if entry.ref in things
    ]


def _encode(key: tuple[int, int, int]) -> str:
    return encode_cursor(".".join(map(str, key)))


def _decode(cursor: str) -> tuple[int, int, int]:
    parts = decode_cursor(cursor, Artifact, "name").split(".")
    try:
        rank, distance, pk = map(int, parts)
    except ValueError as error:
        raise errors.Invalid("Invalid cursor: use one that this server returned.") from error
    return rank, distance, pk
