"""The edges between nodes that are known. They are read from one end, whose edges all are, and the others left out.

With a condition on both ends SQLite tries each pair of them by the unique index.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import CharField, F, QuerySet, TextField, Value
from django.db.models.functions import Cast

from artifacts.lineage.neighbours import ARTIFACT, RUN, VERSION, Ref
from artifacts.models import ArtifactUsage, ArtifactVersion, VersionSource

# Where nodes have more edges than this, the last ones are left out.
MAX_ROWS = 200_000


class Link(NamedTuple):
    """Data went from one node to another; `requested_as` are the names by which it was asked for."""

    source: Ref
    target: Ref
    kind: str
    requested_as: tuple[str, ...] = ()


LOGGED, USED, DERIVED = "logged", "used", "derived"


def between_versions(
    runs_of: Mapping[UUID, UUID | None], runs: Collection[UUID], *, from_runs: bool = False
) -> list[Link]:
    """Between these versions, each with the run that made it, and these runs. One query.

    `from_runs` reads what the runs used, instead of which runs used the versions: either may be far more.
    """
    known = {*(Ref(VERSION, pk) for pk in runs_of), *(Ref(RUN, pk) for pk in runs)}
    usages = ArtifactUsage.objects.filter(**({"run__in": runs} if from_runs else {"version__in": list(runs_of)}))
    sources = VersionSource.objects.filter(version__in=list(runs_of))
    derived = _rows(sources, DERIVED, "source", "version", F("requested_as"))
    used = _rows(usages, USED, "version", "run", Cast("requested_as", TextField()))
    logged = [Link(Ref(RUN, run), Ref(VERSION, pk), LOGGED) for pk, run in runs_of.items() if run]
    links = [*logged, *_links(VERSION, derived.union(used, all=True))]
    return [link for link in links if link.source in known and link.target in known]


def between_artifacts(artifacts: Collection[UUID], runs: Collection[UUID]) -> list[Link]:
    """Between these artifacts, each of which stands for its versions, and these runs. One query."""
    known = {*(Ref(ARTIFACT, pk) for pk in artifacts), *(Ref(RUN, pk) for pk in runs)}
    versions = ArtifactVersion.objects.filter(run__in=runs, finalized_at__isnull=False)
    usages = ArtifactUsage.objects.filter(run__in=runs)
    sources = VersionSource.objects.filter(version__artifact__in=artifacts, version__finalized_at__isnull=False)
    derived = _rows(sources, DERIVED, "source__artifact", "version__artifact", F("requested_as"))
    logged = _rows(versions, LOGGED, "run", "artifact", Value("", TextField()))
    used = _rows(usages, USED, "version__artifact", "run", Cast("requested_as", TextField()))
    links = _links(ARTIFACT, derived.union(logged, used, all=True))
    return _merged(link for link in links if link.source != link.target and {link.source, link.target} <= known)


def _rows(rows: QuerySet, kind: str, source: str, target: str, names: Any) -> QuerySet:
    return rows.order_by().values_list(Value(kind, CharField()), source, target, names)


def _links(thing: str, rows: QuerySet) -> Iterator[Link]:
    """Of the `_rows` of things of this kind and runs."""
    ends = {LOGGED: (RUN, thing), USED: (thing, RUN), DERIVED: (thing, thing)}
    for kind, source, target, names in rows[:MAX_ROWS]:
        names = json.loads(names) if kind == USED else filter(None, [names])
        yield Link(Ref(ends[kind][0], source), Ref(ends[kind][1], target), kind, tuple(names))


def _merged(links: Iterable[Link]) -> list[Link]:
    """Each once, with all the names by which it was asked for."""
    names: dict[Link, dict[str, None]] = {}
    for link in links:
        names.setdefault(link._replace(requested_as=()), {}).update(dict.fromkeys(link.requested_as))
    return [link._replace(requested_as=tuple(found)) for link, found in names.items()]
