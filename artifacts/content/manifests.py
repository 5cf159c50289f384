"""The manifest of a version, page by page: every file, and where its bytes are.

Pages are made of tuples: a page of 20,000 files as model instances would take seconds and a lot of memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import CharField, Value
from django.db.models.functions import Cast, Coalesce

from accounts.actor import Actor
from artifacts import errors, link_sources, storage
from artifacts.content import extents
from artifacts.content.downloads import content_url, record_download
from artifacts.models import ArtifactVersion, Blob, StoredObject
from artifacts.references import external_stores
from artifacts.references.external_stores import Reference
from core.value_lists import Among

MAX_ENTRIES = 5_000
MAX_ROWS = 20_000
"""Of the form in columns."""
MAX_EXTENTS_A_PAGE = 20_000
_ATTEMPTS = 3


class Row(NamedTuple):
    """A file. What is of a reference is None or empty of one whose bytes are stored here, and the other way round."""

    path: str
    size: int
    mime_type: str
    is_executable: bool
    sha256: str | None
    md5: str | None
    state: str | None
    object_id: str
    """As the database writes it; empty where there is none. `ManifestObject.pk` is the id."""
    object_size: int | None
    object_key: str | None
    offset: int | None
    extent_count: int | None
    """Of a file that consists of pieces, which has no object and offset of its own: how many. 0 of others."""
    reference_uri: str | None
    reference_identity: str | None
    reference_version_id: str | None

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


_COLUMNS = (
    "path", "size", "mime_type", "is_executable", "blob__sha256", "blob__md5", "blob__state", "object_text",
    "blob__object__size", "blob__object__key", "blob__offset", "blob__extent_count", "reference_uri",
    "reference_identity", "reference_version_id",
)  # fmt: skip
READABLE = (Blob.State.UPLOADED, Blob.State.VERIFIED)


class ManifestObject(NamedTuple):
    """An object in which files of a page are."""

    pk: UUID
    size: int
    url: str


class ExtentPlace(NamedTuple):
    """Bytes of a composed file; `object_id` as in `ManifestPage.objects`."""

    object_id: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class ManifestPage:
    """Some of a version's files, in the order of their paths, with one signed URL for each object they are in.

    `objects` are by `Row.object_id`: those with bytes that can be read. Where there are more files, `next_after` is the
    path to ask for them with. `reference_urls` are signed URLs of the references that are in an external store of the
    team, by numbers of rows. `extents` say where the bytes are of files that are stored in pieces, by numbers of rows.
    `wholes` are these files at URLs of this server, for clients that read each file from one object.
    """

    after: str
    rows: Sequence[Row]
    objects: dict[str, ManifestObject]
    next_after: str | None
    reference_urls: dict[int, str]
    extents: dict[int, list[ExtentPlace]]
    wholes: dict[int, ManifestObject]


def page(
    actor: Actor, version: ArtifactVersion, *, after: str = "", limit: int, prefix: str = "", is_first: bool = True
) -> ManifestPage:
    """The files after the path `after`. The first page that is asked for counts as one download of the version.

    To who sees the version through a link alone, no URL gives more than the bytes of one file: a pack may have others
    of its project. One query, one more where there are references, three where there are composed files, and two of a
    link. Of composed files a page has as many as fit into `MAX_EXTENTS_A_PAGE`, or one.
    """
    if is_first:
        record_download(actor, version, None)
    is_exact = not link_sources.sees_contents(actor.user, version)
    for _ in range(_ATTEMPTS):
        if found := _read_page(version, after, limit, prefix, is_exact=is_exact):
            return found
    raise errors.Unavailable("The workers are replacing blobs of this version by others: try again.")


def _read_page(version: ArtifactVersion, after: str, limit: int, prefix: str, *, is_exact: bool) -> ManifestPage | None:
    """None where a worker has replaced the blob of a composed file by a twin meanwhile."""
    files = version.files.under(prefix).order_by("path")
    if after:
        files = files.filter(path__gt=after)
    # Not as a UUID: to make 20,000 of them takes longer than the query.
    object_text = Coalesce(Cast("blob__object", CharField()), Value(""))
    rows = [Row._make(row) for row in files.annotate(object_text=object_text).values_list(*_COLUMNS)[: limit + 1]]
    limit = min(limit, _fitting(rows))
    next_after = rows[limit - 1].path if len(rows) > limit else None
    del rows[limit:]
    served = _serve_files(version, rows) if is_exact else {}
    objects = _objects(rows) | served
    composed = _extents(version, rows, objects)
    if composed is None:
        return None
    return ManifestPage(after, rows, objects, next_after, _reference_urls(version, rows), *composed)


def _serve_files(version: ArtifactVersion, rows: list[Row]) -> dict[str, ManifestObject]:
    """Let each file that has no object to itself be one at a URL of this server: the rows say so, and these are they.

    One query.
    """
    files = version.files.filter(Among("path", [row.path for row in rows]), blob__isnull=False)
    found = {path: (pk, kind) for path, pk, kind in files.values_list("path", "pk", "blob__object__kind")}
    served = {}
    for number, row in enumerate(rows):
        pk, kind = found.get(row.path, (None, None))
        is_alone = kind == StoredObject.Kind.FILE and (row.offset, row.object_size) == (0, row.size)
        if pk and not is_alone:
            text = _text(pk)
            rows[number] = row._replace(object_id=text, object_size=row.size, object_key=None, offset=0, extent_count=0)
            if row.state in READABLE:
                served[text] = ManifestObject(pk, row.size, content_url(pk))
    return served


def _fitting(rows: Sequence[Row]) -> int:
    """How many of the rows have few enough extents together."""
    count = 0
    for number, row in enumerate(rows):
        count += row.extent_count or 0
        if count > MAX_EXTENTS_A_PAGE:
            return max(1, number)
    return len(rows)


def _extents(
    version: ArtifactVersion, rows: Sequence[Row], objects: dict[str, ManifestObject]
) -> tuple[dict[int, list[ExtentPlace]], dict[int, ManifestObject]] | None:
    """The extents and wholes of `ManifestPage`; the objects of the extents are added to the others. None where there
    are none any more."""
    numbers = {row.path: number for number, row in enumerate(rows) if row.extent_count and row.state in READABLE}
    if not numbers:
        return {}, {}
    files = version.files.filter(Among("path", numbers)).values_list("path", "pk", "blob", "size")
    found = extents.of_composed(blob for _, _, blob, _ in files)
    if any(blob not in found.places for _, _, blob, _ in files):
        return None
    texts = {pk: _text(pk) for pk in found.objects}
    for pk, obj in found.objects.items():
        objects.setdefault(texts[pk], ManifestObject(pk, obj.size, storage.get_download_url(obj.key)))
    places = {
        numbers[path]: [ExtentPlace(texts[pk], *place) for pk, *place in found.places[blob]]
        for path, _, blob, _ in files
    }
    return places, {numbers[path]: ManifestObject(pk, size, content_url(pk)) for path, pk, _, size in files}


def _text(pk: UUID) -> str:
    """As the database writes it."""
    return str(pk) if connection.features.has_native_uuid_field else pk.hex


def _objects(rows: Sequence[Row]) -> dict[str, ManifestObject]:
    found = {
        row.object_id: (row.object_size or 0, row.object_key)
        for row in rows
        if row.state in READABLE and row.object_key is not None
    }
    urls = storage.get_download_urls([key for _, key in found.values()])
    return {
        text: ManifestObject(UUID(text), size, url) for (text, (size, _)), url in zip(found.items(), urls, strict=True)
    }


def _reference_urls(version: ArtifactVersion, rows: Sequence[Row]) -> dict[int, str]:
    references = {
        number: Reference(row.reference_uri, row.reference_version_id or "", row.name)
        for number, row in enumerate(rows)
        if row.reference_uri is not None
    }
    return external_stores.sign_references(external_stores.team_of(version), references) if references else {}
