"""Impact: everything that was made from some versions, directly or not, and who owns it.

It is looked at anew for each page, as ids only, and no more than so many of the nearest: then a number says "at least".
"""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import OuterRef, Value
from django.db.models.functions import Coalesce, NullIf

from accounts.models import Membership, Role, Team
from artifacts import errors, validators
from artifacts.aliases import protection
from artifacts.lineage import downstream, nodes
from artifacts.lineage.downstream import Found
from artifacts.lineage.neighbours import RUN, VERSION, Ref
from artifacts.models import AliasRule, Artifact, ArtifactVersion
from core.bounded_count import COUNT_LIMIT
from core.compiled_queries import StringAgg
from core.cursors import decode_cursor, encode_cursor
from projects.models import Project, Run, State

MAX_PAGE, DEFAULT_PAGE = 1000, 100
# As `Run.title`.
_TITLE = Coalesce(NullIf("display_name", Value("")), "name")
MAX_PROJECTS, MAX_OWNERS = 100, 5
# How many versions and runs are looked at: to count what ten thousand runs used takes a second.
DEFAULT_SCAN, MAX_SCAN = 1000, COUNT_LIMIT
_WRONG_CURSOR = "Invalid cursor: use one that this server returned, with the same order."
# Of versions and of runs, what the columns are that only the database has.
_COLUMNS = {
    "name": (("artifact__name", "number"), (_TITLE,)),
    "owner": (("created_by__username",), ("created_by__username",)),
}
_DEFAULT_LIMITS, _FILTER_LIMITS = ((limit, limit // 2) for limit in (DEFAULT_SCAN, MAX_SCAN))
# What the list can be sorted by instead of its own order; descending with `-` before it.
ORDERS = ("name", "state", "project", "owner", "distance")
# Of an artifact the impact is that of its newest versions.
MAX_ROOTS = 1000
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
    def title(self) -> str:
        """What people call it: `detector:v3`, or the title of a run."""
        return self.thing.title if isinstance(self.thing, Run) else str(self.thing)

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

    def matches(self, group: Group, project: Project) -> bool:
        return (
            (not self.groups or group in self.groups)
            and self.project in ("", project.full_name)
            and self.team in ("", project.team.name)
        )


NO_FILTER = Filter()


@dataclass(frozen=True, slots=True)
class Page:
    """`projects` and `teams` are of all that is affected, whatever the filter; at most `MAX_PROJECTS` of each."""

    summary: Summary
    results: list[Affected]
    next_cursor: str | None
    projects: list[ProjectCount]
    teams: list[TeamOwners]


def page(
    user: Any,
    roots: Collection[ArtifactVersion],
    *,
    filter: Filter = NO_FILTER,
    sort: str = "",
    cursor: str = "",
    limit: int = DEFAULT_PAGE,
    scan_limit: int | None = None,
) -> Page:
    """A page of what these versions affect, by group and then the nearest first; or as `sort` has it, one of `ORDERS`
    with or without `-`.

    `scan_limit` is how many versions and runs are looked at, the nearest ones. By default they are `DEFAULT_SCAN`, and
    with a filter, which is to find what is further away as well, `MAX_SCAN`; at most half of them next to one of them
    in one way, so that what ten thousand runs used leaves room for what they made. Five queries, and two more by `name`
    or `owner`. Raises `Invalid` for a wrong cursor.
    """
    after = _decode(cursor) if cursor else None
    limits = (scan_limit, None) if scan_limit else _DEFAULT_LIMITS if filter == NO_FILTER else _FILTER_LIMITS
    found = _look(user, roots, *limits)
    entries, positions = found.sorted_entries(filter, sort)
    if after is not None:
        entries = [entry for entry in entries if _is_beyond(positions[entry.ref], after, sort.startswith("-"))]
    on_page = entries[:limit]
    next_cursor = _encode(positions[on_page[-1].ref]) if on_page and len(entries) > limit else None
    return Page(found.summary(), found.load(on_page), next_cursor, found.project_counts(), found.owners())


def all_affected(
    user: Any, roots: Collection[ArtifactVersion], *, filter: Filter = NO_FILTER, sort: str = ""
) -> Iterator[Affected]:
    """The same as all pages, loaded some at a time. Who is to be told of an error is told before the first one."""
    found = _look(user, roots, MAX_SCAN)
    entries, _ = found.sorted_entries(filter, sort)
    chunks = (entries[start : start + _CSV_CHUNK] for start in range(0, len(entries), _CSV_CHUNK))
    return (affected for chunk in chunks for affected in found.load(chunk))


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


class _Position(NamedTuple):
    """Where an entry is listed: `value` is that of the column that sorts the list, empty without one."""

    value: list[str | int]
    key: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Impact:
    """All that was looked at, without the versions that were asked for."""

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

    def sorted_entries(self, filter: Filter, sort: str) -> tuple[list[_Entry], dict[Ref, _Position]]:
        """Those that match, in their order, and where each is in it."""
        matching = [entry for entry in self.entries if filter.matches(entry.group, self.projects[entry.project])]
        values = self._values(matching, sort.removeprefix("-")) if sort else {}
        positions = {entry.ref: _Position(values.get(entry.ref, []), entry.key) for entry in matching}
        matching.sort(key=lambda entry: entry.key)
        # Those that are alike keep their order.
        matching.sort(key=lambda entry: positions[entry.ref].value, reverse=sort.startswith("-"))
        return matching, positions

    def _values(self, entries: Sequence[_Entry], column: str) -> dict[Ref, list[str | int]]:
        """What each has in the column. By `name` and `owner` two queries."""
        if column == "distance":
            return {entry.ref: [entry.distance] for entry in entries}
        if column == "project":
            return {entry.ref: [self.projects[entry.project].full_name] for entry in entries}
        if column == "state":
            return {entry.ref: [_RANKS[entry.group], *entry.aliases[:1]] for entry in entries}
        versions = [entry.ref.pk for entry in entries if entry.ref.kind == VERSION]
        runs = [entry.ref.pk for entry in entries if entry.ref.kind == RUN]
        of_version, of_run = _COLUMNS[column]
        return {
            Ref(kind, pk): [str(first or "").casefold(), *rest]
            for kind, rows in (
                (VERSION, ArtifactVersion.objects.filter(pk__in=versions).values_list("pk", *of_version)),
                (RUN, Run.objects.filter(pk__in=runs).values_list("pk", *of_run)),
            )
            for pk, first, *rest in rows.order_by()
        }

    def load(self, entries: Sequence[_Entry]) -> list[Affected]:
        """Those that are still there. Two queries."""
        loaded = nodes.load((entry.ref for entry in entries), "created_by")
        things = nodes.in_projects(loaded, self.projects)
        return [
            Affected(entry.group, things[entry.ref], entry.distance, entry.aliases, entry.protected)
            for entry in entries
            if entry.ref in things
        ]

    def project_counts(self) -> list[ProjectCount]:
        """Those with most of it first."""
        counts: Counter[UUID] = Counter(entry.project for entry in self.entries)
        runs: Counter[UUID] = Counter(entry.project for entry in self.entries if entry.ref.kind == RUN)
        return [
            ProjectCount(self.projects[pk].full_name, self.projects[pk].team.name, count - runs[pk], runs[pk])
            for pk, count in counts.most_common(MAX_PROJECTS)
        ]

    def owners(self) -> list[TeamOwners]:
        """The teams by name, with the admins of those that the user is in."""
        affected = {entry.project for entry in self.entries}
        owners = {self.projects[pk].team.name: self.projects[pk].admins.splitlines() for pk in affected}
        return [TeamOwners(team, owners[team]) for team in sorted(owners)[:MAX_PROJECTS]]


def _look(user: Any, roots: Collection[ArtifactVersion], limit: int, siblings: int | None = None) -> _Impact:
    """Three queries; without aliases two."""
    ids = [version.pk for version in roots][:MAX_ROOTS]
    found = downstream.of(ids, limit + 1, siblings=siblings)
    is_complete = len(roots) <= MAX_ROOTS and len(found) <= len(ids) + limit and not _is_cut(found, siblings)
    found = found[: len(ids) + limit]
    distances = _distances(ids, found)
    # A version that was deleted is affected no more, though what was made from it is.
    gone = (None, ArtifactVersion.State.DELETED)
    affected = [one for one in found if distances.get(one.ref) and one.state not in gone]
    projects = _projects(user, {one.project for one in affected})
    visible = [one for one in affected if one.project in projects]
    rules = _rules([one for one in visible if one.aliases], projects)
    entries = [_entry(one, distances[one.ref], rules.get(one.artifact, [])) for one in visible]
    return _Impact(entries, projects, len(affected) - len(visible), is_complete)


def _is_cut(found: Sequence[Found], siblings: int | None) -> bool:
    """Whether one of them may have more next to it."""
    users = Counter(source for one in found for source in one.sources)
    return siblings is not None and any(count >= siblings for count in users.values())


def _distances(roots: Collection[UUID], found: Sequence[Found]) -> dict[Ref, int]:
    """The number of steps from the roots, 0 for these themselves."""
    after: dict[Ref, list[Ref]] = defaultdict(list)
    for one in found:
        for source in one.sources:
            after[source].append(one.ref)
    distances = {Ref(VERSION, pk): 0 for pk in roots}
    for ref in (queue := list(distances)):
        for target in after[ref]:
            if target not in distances:
                distances[target] = distances[ref] + 1
                queue.append(target)
    return distances


def _projects(user: Any, ids: Collection[UUID]) -> dict[UUID, Project]:
    """Those that the user sees, each with the names of its team's `admins` if the user is in it. One query."""
    own = Team.objects.visible_to(user).values("pk")
    admins = Membership.objects.filter(team=OuterRef("team"), team__in=own, role=Role.ADMIN)
    names = StringAgg(admins.order_by("user__username")[:MAX_OWNERS], "user__username")
    return nodes.visible_projects(user, ids, admins=names)


def _rules(aliased: Sequence[Found], projects: Mapping[UUID, Project]) -> dict[UUID, list[AliasRule]]:
    """The rules of the artifacts of these versions. One query."""
    return protection.rules_by_artifact(
        Artifact(pk=pk, project=projects[project]) for pk, project in {(one.artifact, one.project) for one in aliased}
    )


def _entry(one: Found, distance: int, rules: Sequence[AliasRule]) -> _Entry:
    if one.ref.kind == RUN:
        group = Group.RUNNING if one.state == State.RUNNING else Group.RUN
        return _Entry(one.ref, group, distance, one.project, [], [])
    # `latest` that follows by itself stands for nobody's choice.
    chosen = [name for name in one.aliases if name != validators.LATEST or not one.auto_latest]
    protected = [name for name in chosen if any(rule.covers(name) for rule in rules)]
    group = Group.PROTECTED if protected else Group.ALIASED if chosen else Group.VERSION
    return _Entry(one.ref, group, distance, one.project, one.aliases, protected)


def _is_beyond(position: _Position, after: _Position, is_descending: bool) -> bool:
    if position.value == after.value:
        return position.key > after.key
    try:
        return position.value < after.value if is_descending else position.value > after.value
    except TypeError as error:
        raise errors.Invalid(_WRONG_CURSOR) from error


def _encode(position: _Position) -> str:
    return encode_cursor(json.dumps(position, ensure_ascii=False, separators=(",", ":")))


def _decode(cursor: str) -> _Position:
    try:
        value, key = json.loads(decode_cursor(cursor, Artifact, "name"))
        rank, distance, pk = map(int, key)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise errors.Invalid(_WRONG_CURSOR) from error
    if not isinstance(value, list):
        raise errors.Invalid(_WRONG_CURSOR)
    return _Position(value, (rank, distance, pk))
