"""What the dialogs say that ask whether something is to be deleted: what goes with it, and what was made from it."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.template.defaultfilters import pluralize

from artifacts.deletion_preview import MAX_LISTED, DeletionPreview, Some
from artifacts.models import ArtifactVersion
from core import bounded_count, long_values
from core.bounded_count import format_count
from hierarchies.models import Record, RecordReference
from projects.models import Project
from web.lineage.warnings import ImpactWarning


class Fact(NamedTuple):
    """A line of such a dialog: things by their texts and URLs, which may be empty, and how many more there are."""

    label: str
    items: list[tuple[str, str]]
    more: str = ""


def facts(
    preview: DeletionPreview,
    warning: ImpactWarning | None = None,
    aliases_label: str = "Aliases",
    references: QuerySet[RecordReference] | None = None,
) -> list[Fact]:
    """The lines about what is there, of the warning what is downstream, and the records of these references; without
    those that are empty.
    """
    moves = [(f"moves to {preview.latest_goes_to}", "")] if preview.latest_goes_to else []
    lines = [
        _names(aliases_label, preview.aliases),
        Fact("latest", moves),
        _names("Rules", map(str, preview.rules)),
        _rows("Used by", preview.used_by, lambda run: run.title),
        Fact("Downstream", warning.links, warning.more) if warning else Fact("Downstream", []),
        _records(references) if references is not None else Fact("Records", []),
    ]
    return [line for line in lines if line.items]


def of_projects(projects: QuerySet[Project], count: int) -> list[Fact]:
    """The projects that keep their team."""
    first = list(long_values.defer(projects, "")[:MAX_LISTED])
    return [_rows("Projects", Some(first, count), lambda project: project.name)]


def files_of(version: ArtifactVersion) -> str:
    """What goes with the version: `12 files`, and its references, but not what they refer to."""
    files = f"{version.stored_count:,} file{pluralize(version.stored_count)}"
    if not version.reference_count:
        return files
    references = f"{version.reference_count:,} reference{pluralize(version.reference_count)}"
    references = f"{references} (what they refer to is kept)"
    return f"{files} and {references}" if version.stored_count else references


def source_run(version: ArtifactVersion) -> list[Fact]:
    """The run that logged it, which stays."""
    run = version.run
    if run is None:
        return []
    run.project = version.artifact.project
    return [Fact("Logged by", [(run.title, run.get_absolute_url())])]


def _names(label: str, names: Iterable[str]) -> Fact:
    names = list(names)
    return Fact(label, [(name, "") for name in names[:MAX_LISTED]], _more(len(names)))


def _rows(label: str, rows: Some[Any], text: Any) -> Fact:
    return Fact(label, [(text(row), row.get_absolute_url()) for row in rows.first], _more(rows.count))


def _records(references: QuerySet[RecordReference]) -> Fact:
    """Those whose data refers to what goes, each once."""
    first = list(references[: MAX_LISTED + 1])
    count = bounded_count.count(references) if len(first) > MAX_LISTED else len(first)
    rows = {row.record_id: row.record for row in first[:MAX_LISTED]}.values()
    return Fact("Records", [(_title(row), row.get_absolute_url()) for row in rows], _more(count))


def _title(record: Record) -> str:
    return f"{record.hierarchy.full_name}: {record.hierarchy.label_of(record.level)} {record.pk}"


def _more(count: int) -> str:
    return format_count(count - MAX_LISTED) if count > MAX_LISTED else ""
