"""What a version affects as CSV, for spreadsheets."""

from collections.abc import Iterable, Iterator, Sequence

from django.conf import settings

from artifacts.lineage.impact import Affected
from artifacts.models import ArtifactVersion
from core import csv_lines

COLUMNS = (
    "kind", "group", "project", "team", "name", "display_name", "version", "type", "state", "aliases",
    "protected_aliases", "owner", "distance", "created_at", "url",
)  # fmt: skip


def file_name(roots: Sequence[ArtifactVersion]) -> str:
    """`impact-detector-v3.csv`; of several versions, with their artifacts, `impact.csv`."""
    return f"impact-{roots[0].artifact.name}-{roots[0].url_name}.csv" if len(roots) == 1 else "impact.csv"


def lines(rows: Iterable[Affected]) -> Iterator[str]:
    """A header and a line for each."""
    return csv_lines.lines(_all_cells(rows))


def _all_cells(rows: Iterable[Affected]) -> Iterator[Iterable[object]]:
    yield COLUMNS
    for row in rows:
        yield _cells(row)


def _cells(row: Affected) -> list[object]:
    thing = row.thing
    if isinstance(thing, ArtifactVersion):
        own = [thing.artifact.name, "", thing.version, thing.artifact.type, thing.state]
    else:
        own = [thing.name, thing.title, "", "", thing.state]
    aliases = [" ".join(row.aliases), " ".join(row.protected_aliases)]
    location = [row.kind, row.group.value, row.project.full_name, row.project.team.name]
    url = settings.BASE_URL + thing.get_absolute_url()
    return [*location, *own, *aliases, row.owner, row.distance, row.created_at.isoformat(), url]
