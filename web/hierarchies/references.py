"""The versions of artifacts that the data of a record names, and the records whose data names a version."""

from typing import Any, NamedTuple

from artifacts.models import ArtifactVersion
from core.bounded_count import format_count
from hierarchies.models import Hierarchy, Record, RecordReference
from web.hierarchies import rows

# Of a version: the newest.
MAX_RECORDS = 20
_MAX_COUNTED = 1_000


class VersionLink(NamedTuple):
    """Where the data of a record names a version. Name and URL are empty where the reader may not see it."""

    pointer: str
    requested_as: str
    name: str
    url: str


class ReferringRecords(NamedTuple):
    """The newest records that name a version, and how many there are, in words."""

    records: list[Record]
    total: str
    has_more: bool


def of(user: Any, record: Record) -> list[VersionLink]:
    """The versions that the record names, by where in its data."""
    found = list(
        RecordReference.objects.filter(record=record)
        .select_related("version_hold__version__artifact__project__team")
        .order_by("pointer")
    )
    if not found:
        return []
    versions = {reference.version_hold.version_id for reference in found}
    visible = set(ArtifactVersion.objects.visible_to(user).filter(pk__in=versions).values_list("pk", flat=True))
    return [_link(reference, reference.version_hold.version_id in visible) for reference in found]


def to(user: Any, version: ArtifactVersion) -> ReferringRecords:
    """The records that name the version, among those that the reader sees."""
    visible = Hierarchy.objects.visible_to(user)
    found = Record.objects.filter(references__version_hold__version=version, hierarchy__in=visible).distinct()
    newest = found.select_related("hierarchy__project__team").order_by("-pk")[: _MAX_COUNTED + 1]
    # As few as are counted: their data is read of those alone that are shown.
    pks = list(newest.values_list("pk", flat=True))
    shown = Record.objects.filter(pk__in=pks[:MAX_RECORDS]).select_related("hierarchy__project__team").order_by("-pk")
    records = [row for record in shown for row in rows.prepare([record], record.hierarchy)]
    return ReferringRecords(records, format_count(len(pks), _MAX_COUNTED), len(pks) > MAX_RECORDS)


def _link(reference: RecordReference, is_visible: bool) -> VersionLink:
    if not is_visible:
        return VersionLink(reference.pointer, reference.requested_as, "", "")
    version = reference.version_hold.version
    name = f"{version.artifact.project.full_name}/{version}"
    return VersionLink(reference.pointer, reference.requested_as, name, version.get_absolute_url())
