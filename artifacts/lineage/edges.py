"""The edges between nodes that are known. They are read from one end, whose edges all are, and the others left out.

With a condition on both ends SQLite tries each pair of them by the unique index.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from artifacts.lineage.recursive_queries import ARTIFACT, RUN, VERSION, Ref
from artifacts.models import ArtifactUsage, ArtifactVersion, VersionSource

# Rows of one table: where nodes have more edges than this, the last ones are left out.
MAX_ROWS = 100_000


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
    """Between these versions, each with the run that made it, and these runs. Two queries.

    `from_runs` reads what the runs used, instead of which runs used the versions: either may be far more.
    """
    known = set(runs)
    usages = ArtifactUsage.objects.filter(**({"run__in": known} if from_runs else {"version__in": list(runs_of)}))
    sources = VersionSource.objects.filter(version__in=list(runs_of))
    logged = [Link(Ref(RUN, run), Ref(VERSION, pk), LOGGED) for pk, run in runs_of.items() if run in known]
    used = [
        Link(Ref(VERSION, version), Ref(RUN, run), USED, tuple(names))
        for run, version, names in _rows(usages, "run", "version", "requested_as")
        if run in known and version in runs_of
    ]
    derived = [
        Link(Ref(VERSION, source), Ref(VERSION, version), DERIVED, (name,) if name else ())
        for version, source, name in _rows(sources, "version", "source", "requested_as")
        if source in runs_of
    ]
    return [*logged, *used, *derived]


def between_artifacts(artifacts: Collection[UUID], runs: Collection[UUID]) -> list[Link]:
    """Between these artifacts, each of which stands for its versions, and these runs. Three queries."""
    known = set(artifacts)
    finalized = ArtifactVersion.objects.filter(run__in=runs, finalized_at__isnull=False)
    usages = ArtifactUsage.objects.filter(run__in=runs)
    sources = VersionSource.objects.filter(version__artifact__in=known, version__finalized_at__isnull=False)
    logged = [
        Link(Ref(RUN, run), Ref(ARTIFACT, artifact), LOGGED)
        for run, artifact in _rows(finalized, "run", "artifact")
        if artifact in known
    ]
    used = [
        Link(Ref(ARTIFACT, artifact), Ref(RUN, run), USED, tuple(names))
        for run, artifact, names in _rows(usages, "run", "version__artifact", "requested_as")
        if artifact in known
    ]
    derived = [
        Link(Ref(ARTIFACT, source), Ref(ARTIFACT, target), DERIVED, (name,) if name else ())
        for source, target, name in _rows(sources, "source__artifact", "version__artifact", "requested_as")
        if source in known and source != target
    ]
    return _merged([*logged, *used, *derived])


def _rows(rows: QuerySet, *columns: str) -> Iterable[tuple]:
    return rows.order_by().values_list(*columns)[:MAX_ROWS]


def _merged(links: Iterable[Link]) -> list[Link]:
    """Each once, with all the names by which it was asked for."""
    names: dict[Link, dict[str, None]] = {}
    for link in links:
        names.setdefault(link._replace(requested_as=()), {}).update(dict.fromkeys(link.requested_as))
    return [link._replace(requested_as=tuple(found)) for link, found in names.items()]
