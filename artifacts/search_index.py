"""Keeps the rows of the search true: called by the verbs, in the transaction of the change.

Of each object as much is found as the bounds say; what lies beyond them is stored, and not found.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet

from artifacts.models import (
    AliasChange,
    Artifact,
    ArtifactFile,
    ArtifactTag,
    ArtifactVersion,
    SearchDocument,
    SearchValue,
)
from artifacts.models.search import MAX_KEY_LENGTH, MAX_VALUE_LENGTH
from artifacts.search_query import fold
from core import compiled_queries
from projects.models import Project, Run

MAX_TEXT_LENGTH = 2**14
MAX_FILES_LENGTH = 2**17
# Of a JSON object, and of a list in it.
MAX_VALUES = 200
MAX_ITEMS = 20
_MAX_DEPTH = 8
_MAX_ENDINGS = 200
_BATCH_SIZE = 500
# What a run is found by.
RUN_FIELDS = {"name", "display_name", "tags", "notes", "config", "summary"}

# The key, joined by dots; the number, if it is one; the text.
Value = tuple[str, float | None, str]


class Entry(NamedTuple):
    """What a row of the registry is found by."""

    about: dict[str, Any]
    part: str
    text: str
    values: list[Value]
    is_repeated: bool | None = None


class FileLines:
    """What a version is found by of the paths of its files, which are added in their order, in bounded memory.

    One of each ending comes first, so that no kind of file is left out.
    """

    def __init__(self) -> None:
        self._endings: dict[str, str] = {}
        self._others: list[str] = []
        self._length = 0

    @classmethod
    def of(cls, paths: Iterable[str]) -> "FileLines":
        lines = cls()
        for path in paths:
            lines.add(path)
        return lines

    def add(self, path: str) -> None:
        ending = path.rpartition("/")[2].rpartition(".")[2]
        if len(self._endings) < _MAX_ENDINGS and ending not in self._endings:
            self._endings[ending] = path
        elif self._length < MAX_FILES_LENGTH:
            self._others.append(path)
            self._length += len(path) + 1

    @property
    def text(self) -> str:
        """The paths, each between line ends; empty where there is none."""
        lines = [*self._endings.values(), *self._others]
        return fold("\n".join(["", *lines, ""])) if lines else ""


def put_artifact(artifact: Any, tags: Iterable[str]) -> None:
    """Let the artifact be found by what it says now. Its versions have entries of their own."""
    _replace(_of_artifact(artifact, list(tags)))


def put_version(version: Any, project_id: Any) -> None:
    """Let the version, which is finalized, be found by what it says now."""
    _replace(_of_version(version, project_id))


def put_files(version: Any, project_id: Any, lines: "FileLines | None" = None) -> None:
    """Let the version, which was finalized just now, be found by its files: `lines`, or else they are read."""
    entry = _of_files(version, project_id, lines or FileLines.of(_paths(version.files)))
    if entry.text:
        _document(entry).save()


def put_reason(change: Any, project_id: Any) -> None:
    """Let the artifact, and the version that the alias came to, be found by the reason, if there is one."""
    if change.reason:
        compiled_queries.insert(_document(_of_reason(change, project_id)))


def put_run(run: Any) -> None:
    """Let the run be found by what it says now."""
    _replace(_of_run(run))


def put_project(project: Any) -> None:
    """Let the project be found by what it says now."""
    _replace(_of_project(project))


def remove_version(version: Any) -> None:
    """Let a version that is deleted be found no longer. Other rows go with what they are about."""
    for row in SearchDocument.objects.filter(version=version, part="text"):
        _promote_repeated(row)
    for model in (SearchDocument, SearchValue):
        model.objects.filter(version=version).delete()


def rebuild() -> None:
    """Make all entries anew, for what was written without the verbs."""
    SearchDocument.objects.all().delete()
    SearchValue.objects.all().delete()
    batch: list[Entry] = []
    for entry in _all_entries():
        batch.append(entry)
        if len(batch) == _BATCH_SIZE:
            _insert(batch)
            batch = []
    _insert(batch)


def flatten(field: str, data: Any) -> list[Value]:
    """The first values of a JSON object, and each item of a list in it by itself."""
    found: list[Value] = []
    pending: list[tuple[str, Any, int]] = [(field, data, 0)]
    while pending and len(found) < MAX_VALUES:
        key, value, depth = pending.pop()
        if isinstance(value, dict):
            inner = list(value.items())[:MAX_VALUES] if depth < _MAX_DEPTH else []
            pending += [(f"{key}.{name}", item, depth + 1) for name, item in reversed(inner)]
        elif isinstance(value, list):
            pending += [(key, item, depth + 1) for item in reversed(value[:MAX_ITEMS]) if depth < _MAX_DEPTH]
        elif len(key) <= MAX_KEY_LENGTH:
            found.append((fold(key)[:MAX_KEY_LENGTH], _number(value), fold(_as_text(value))[:MAX_VALUE_LENGTH]))
    return list(dict.fromkeys(found))


def _of_artifact(artifact: Any, tags: list[str]) -> Entry:
    values = flatten("metadata", artifact.metadata) + flatten("tag", tags)
    about = _about(artifact.project_id, artifact_id=artifact.pk)
    return _entry(about, [artifact.name, *tags, artifact.description], values)


def _of_version(version: Any, project_id: Any) -> Entry:
    about = _about(project_id, artifact_id=version.artifact_id, version_id=version.pk)
    return _entry(about, [version.description, version.notes], flatten("metadata", version.metadata))


def _of_files(version: Any, project_id: Any, lines: "FileLines") -> Entry:
    about = _about(project_id, artifact_id=version.artifact_id, version_id=version.pk)
    return Entry(about, "files", lines.text, [])


def _of_reason(change: Any, project_id: Any) -> Entry:
    about = _about(project_id, artifact_id=change.artifact_id, version_id=change.to_version_id)
    return Entry(about, "reason", fold(change.reason)[:MAX_TEXT_LENGTH], [])


def _of_run(run: Any) -> Entry:
    values = [*flatten("config", run.config), *flatten("summary", run.summary), *flatten("tag", run.tags)]
    about = _about(run.project_id, run_id=run.pk)
    return _entry(about, [run.name, run.display_name, *run.tags, run.notes], values)


def _of_project(project: Any) -> Entry:
    return _entry(_about(project.pk), [project.name, project.description], [])


def _about(project_id: Any, *, artifact_id: Any = None, version_id: Any = None, run_id: Any = None) -> dict[str, Any]:
    return {"project_id": project_id, "artifact_id": artifact_id, "version_id": version_id, "run_id": run_id}


def _entry(about: dict[str, Any], texts: Iterable[str], values: list[Value]) -> Entry:
    """With the keys and texts of the values among the texts. Numbers are left out: they change all the time."""
    # Sorted, because PostgreSQL gives the keys of an object back in another order.
    parts = sorted(word for key, number, text in values for word in ([key] if number is not None else [key, text]))
    text = fold("\n".join(dict.fromkeys([*texts, *parts])))
    return Entry(about, "text", text[:MAX_TEXT_LENGTH], values)


def _as_text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, str):
        return value
    # As a float: `str` refuses an integer of thousands of digits, which is found by its key alone.
    number = _number(value)
    return "" if number is None else str(number)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _paths(files: Any) -> Iterator[str]:
    return files.order_by("path").values_list("path", flat=True).iterator(chunk_size=5000)


def _document(entry: Entry) -> SearchDocument:
    return SearchDocument(part=entry.part, text=entry.text, is_repeated=entry.is_repeated, **entry.about)


def _replace(entry: Entry) -> None:
    """Write only what differs: a run that logs its summary changes a few of its values each time."""
    about = Q(**{name if value else f"{name}__isnull": value or True for name, value in entry.about.items()})
    documents = SearchDocument.objects.filter(about, part=entry.part)
    stored = documents.first()
    if stored is None:
        _document(_compared(entry)).save()
    elif stored.text != entry.text:
        _promote_repeated(stored)
        documents.filter(pk=stored.pk).update(text=entry.text, is_repeated=None)
    rows = SearchValue.objects.filter(about).values_list("key", "number", "text", "pk")
    before = {(key, number, text): pk for key, number, text, pk in rows}
    stale = before.keys() - set(entry.values)
    if stale:
        SearchValue.objects.filter(pk__in=[before[value] for value in stale]).delete()
    _insert_values([entry._replace(values=[value for value in entry.values if value not in before])])


def _compared(entry: Entry) -> Entry:
    """With whether the newest other version has the same text. The caller has locked the artifact."""
    if not entry.about["version_id"]:
        return entry
    others = ArtifactVersion.objects.finalized().filter(artifact=entry.about["artifact_id"])
    newest = others.exclude(pk=entry.about["version_id"]).order_by("-number").values("pk")[:1]
    texts = SearchDocument.objects.filter(version=newest, part=entry.part).values_list("text", flat=True)
    return entry._replace(is_repeated=True if texts.first() == entry.text else None)


def _promote_repeated(row: SearchDocument) -> None:
    """Before the text of this row goes: let the newest of those that repeat it stand for all of them.

    Of versions that expire the oldest goes first: were the next one chosen, each would look for another.
    """
    if row.version_id and not row.is_repeated:
        same = SearchDocument.objects.filter(artifact=row.artifact_id, is_repeated=True, part=row.part, text=row.text)
        if (pk := same.order_by("-pk").values_list("pk", flat=True).first()) is not None:
            same.filter(pk=pk).update(is_repeated=None)


def _insert(entries: list[Entry]) -> None:
    SearchDocument.objects.bulk_create([_document(entry) for entry in entries], _BATCH_SIZE)
    _insert_values(entries)


def _insert_values(entries: list[Entry]) -> None:
    rows = [
        SearchValue(key=key, number=number, text=text, **entry.about)
        for entry in entries
        for key, number, text in entry.values
    ]
    if rows:
        SearchValue.objects.bulk_create(rows, _BATCH_SIZE)


def _all_entries() -> Iterator[Entry]:
    for project in _iterate(Project.objects.all()):
        yield _of_project(project)
    for run in _iterate(Run.objects.all()):
        yield _of_run(run)
    tags: dict[Any, list[str]] = {}
    for artifact, tag in ArtifactTag.objects.order_by("pk").values_list("artifact", "tag"):
        tags.setdefault(artifact, []).append(tag)
    projects = {}
    for artifact in _iterate(Artifact.objects.all()):
        projects[artifact.pk] = artifact.project_id
        yield _of_artifact(artifact, tags.get(artifact.pk, []))
    newest: dict[Any, bytes] = {}
    for version in _iterate(ArtifactVersion.objects.filter(state="finalized")):
        project_id = projects[version.artifact_id]
        entry = _of_version(version, project_id)
        digest = hashlib.sha256(entry.text.encode()).digest()
        yield entry._replace(is_repeated=True if newest.get(version.artifact_id) == digest else None)
        newest[version.artifact_id] = digest
        # A link is not found by its files, which are those of the version that it links.
        if version.file_count and not version.is_link:
            paths = _paths(ArtifactFile.objects.filter(version=version.pk))
            yield _of_files(version, project_id, FileLines.of(paths))
    versions = set(ArtifactVersion.objects.values_list("pk", flat=True))
    for change in _iterate(AliasChange.objects.exclude(reason="")):
        # The record outlives what it is about.
        if change.artifact_id in projects:
            change.to_version_id = change.to_version_id if change.to_version_id in versions else None
            yield _of_reason(change, projects[change.artifact_id])


def _iterate(rows: QuerySet) -> Iterator[Any]:
    return rows.order_by("pk").iterator(chunk_size=_BATCH_SIZE)
