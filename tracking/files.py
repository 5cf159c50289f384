"""The verbs of the files that a run saves: media, tables, its code and configuration.

Clients send bytes straight to the object store. A file that is sent again is the former one until the new bytes are
there.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Lookup, QuerySet
from django.utils import timezone
from uuid_utils.compat import uuid7

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import mime_types, storage, validators
from artifacts.content import deletions
from artifacts.models import StoredObject
from core import errors
from core.value_lists import Among
from projects.models import Run
from tracking import streams
from tracking.models import RunFile

MAX_FILES = 100_000
MAX_FILES_A_CALL = 10_000
# Clients do not always say that bytes have arrived: of so many files it is looked up when they are listed.
_LOOKED_UP = 100
# And of so many while who said so waits; workers look up the others.
_LOOKED_UP_A_CALL = 500
_MAX_KEY_BYTES = 1_000
_SETTLED_A_TURN = 1000
_SETTLED_AFTER = timedelta(minutes=2)


def begin(actor: Actor, run: Run, names: Sequence[str]) -> list[tuple[RunFile, str]]:
    """A file and a signed URL for its bytes for each of the names, in their order.

    A file that has the name already stays what it is until the new bytes have arrived. Raises `InvalidPath`, and
    `Conflict` for a run with too many files.
    """
    permissions.require(actor, run.project.team, Role.EDITOR)
    if len(names) > MAX_FILES_A_CALL:
        raise errors.Invalid(f"One call takes at most {MAX_FILES_A_CALL:,} files; this one has {len(names):,}.")
    paths = [validators.check_path(name.removeprefix("./")) for name in names]
    files = _expect(run, list(dict.fromkeys(paths)))
    return [(files[path], storage.get_open_upload_url(files[path].upload.key)) for path in paths]


def mark_uploaded(actor: Actor, run: Run, names: Iterable[str]) -> list[RunFile]:
    """Take in the files whose bytes have arrived, and return them; of others nothing changes.

    Of many files the first ones: workers take in the others (`settle_uploads`).
    """
    permissions.require(actor, run.project.team, Role.EDITOR)
    paths = [name.removeprefix("./") for name in islice(names, _LOOKED_UP_A_CALL)]
    files = RunFile.objects.filter(run=run, name__in=paths)
    _measure_again(files)
    return _take_in(files.expected())


def listed(run: Run, names: Collection[str] | None = None, pattern: str | None = None) -> QuerySet[RunFile]:
    """The files that can be downloaded, by name; those of these names, or that match a pattern of SQL's LIKE."""
    files = RunFile.objects.filter(run=run).select_related("object")
    if names is not None:
        files = files.filter(Among("name", [name.removeprefix("./") for name in names]))
    if pattern:
        files = files.filter(_Like(F("name"), pattern))
    _take_in(files.expected().order_by("-begun_at")[:_LOOKED_UP])
    return files.arrived().order_by("name")


def count(run: Run) -> int:
    return RunFile.objects.arrived().filter(run=run).count()


def download_url(file: RunFile) -> str:
    """A signed URL of a file that was listed."""
    assert file.object is not None
    return storage.get_download_url(file.object.key, file.name.rpartition("/")[2])


def delete(actor: Actor, files: Iterable[RunFile]) -> None:
    """Delete the files. Those that are deleted already are no error."""
    files = list(files)
    for team in {file.run.project.team for file in files}:
        permissions.require(actor, team, Role.EDITOR)
    with transaction.atomic():
        _let_go(pk for file in files for pk in (file.object_id, file.upload_id))
        RunFile.objects.filter(pk__in=[file.pk for file in files]).delete()


def delete_named(actor: Actor, run: Run, names: Iterable[str]) -> None:
    """Delete the files of the run that have these names."""
    permissions.require(actor, run.project.team, Role.EDITOR)
    found = RunFile.objects.filter(run=run, name__in=list(names)).select_related("run__project__team")
    delete(actor, found)


def settle_uploads() -> None:
    """Take in what has arrived although nobody said so, and give up what has not come before its URL expired."""
    now = timezone.now()
    waiting = RunFile.objects.expected().filter(begun_at__lt=now - _SETTLED_AFTER)
    _take_in(waiting.order_by("begun_at")[:_SETTLED_A_TURN])
    abandoned = RunFile.objects.filter(upload__isnull=False, begun_at__lt=now - settings.ORPHAN_GRACE)
    abandoned.filter(object=None).delete()
    abandoned.update(upload=None)


def _expect(run: Run, paths: Sequence[str]) -> dict[str, RunFile]:
    with transaction.atomic():
        streams.lock(run)
        known = RunFile.objects.filter(Among("name", paths), run=run).select_related("upload")
        files = {file.name: file for file in known}
        new = [path for path in paths if path not in files]
        if new and RunFile.objects.filter(run=run).count() + len(new) > MAX_FILES:
            raise errors.Conflict(f"A run has at most {MAX_FILES:,} files.")
        # A client that asks twice before it sends may use either URL: both are of the same object.
        expected = {path: file.upload for path, file in files.items() if file.upload is not None}
        fresh = {path: _new_object(run, path) for path in paths if path not in expected}
        StoredObject.objects.bulk_create(fresh.values())
        uploads = expected | fresh
        for path, file in files.items():
            file.upload, file.begun_at = uploads[path], timezone.now()
        RunFile.objects.bulk_update(files.values(), ["upload", "begun_at"], batch_size=500)
        files |= {
            path: RunFile(run=run, name=path, mime_type=mime_types.guess(path), upload=uploads[path]) for path in new
        }
        RunFile.objects.bulk_create([files[path] for path in new])
    return files


def _new_object(run: Run, path: str) -> StoredObject:
    # Its size is known once it has arrived.
    folder = f"{deletions.ROOT}{run.project_id}/runs/{run.pk}/{uuid7()}"
    key = f"{folder}/{path}"
    if len(key.encode()) > _MAX_KEY_BYTES:
        key = f"{folder}/file"
    return StoredObject(project_id=run.project_id, key=key, kind=StoredObject.Kind.RUN, size=0)


def _take_in(expected: Iterable[RunFile]) -> list[RunFile]:
    """Those of the files whose bytes are in the store now, with their sizes."""
    arrived: dict[UUID, tuple[UUID, storage.ObjectInfo]] = {}
    for file in expected:
        if file.upload is not None and (info := storage.get_file_info(file.upload.key)):
            arrived[file.pk] = (file.upload.pk, info)
    return _record(arrived) if arrived else []


def _measure_again(files: QuerySet[RunFile]) -> None:
    """Of files that have arrived before: a second URL of the same upload may have brought other bytes since."""
    for file in files.filter(upload=None, object__isnull=False).select_related("object"):
        assert file.object is not None
        info = storage.get_file_info(file.object.key)
        if info is not None and (info.size, _md5(info)) != (file.size, file.md5):
            now = timezone.now()
            RunFile.objects.filter(pk=file.pk, object=file.object).update(
                size=info.size, md5=_md5(info), updated_at=now
            )
            StoredObject.objects.filter(pk=file.object.pk).update(size=info.size)


@transaction.atomic
def _record(arrived: dict[UUID, tuple[UUID, storage.ObjectInfo]]) -> list[RunFile]:
    # Their objects first, as garbage collection does: it has to leave them.
    uploads = [upload for upload, _ in arrived.values()]
    objects = StoredObject.objects.select_for_update().filter(pk__in=uploads).order_by("pk").in_bulk()
    files = RunFile.objects.select_for_update(no_key=True).filter(pk__in=arrived).order_by("pk")
    changed, former = [], []
    for file in files:
        upload, info = arrived[file.pk]
        # Another upload may have been begun meanwhile.
        if file.upload_id != upload or upload not in objects:
            continue
        former.append(file.object_id)
        file.object, file.upload, file.updated_at = objects[upload], None, timezone.now()
        file.size, file.md5 = info.size, _md5(info)
        file.object.size, file.object.state = info.size, StoredObject.State.UPLOADED
        changed.append(file)
    _let_go(former)
    StoredObject.objects.bulk_update([file.object for file in changed], ["size", "state"], batch_size=500)
    RunFile.objects.bulk_update(changed, ["object", "upload", "updated_at", "size", "md5"], batch_size=500)
    return changed


def _let_go(objects: Iterable[UUID | None]) -> None:
    """Their grace begins now, in which garbage collection leaves them to whoever is reading them."""
    pks = [pk for pk in objects if pk is not None]
    if pks:
        StoredObject.objects.filter(pk__in=pks).update(created_at=timezone.now())


def _md5(info: storage.ObjectInfo) -> str:
    """Its hash in hex. Of an object that was sent in parts, the ETag is something else."""
    return info.etag if len(info.etag) == 32 and "-" not in info.etag else ""


class _Like(Lookup):
    """SQL's LIKE, without a character that escapes, and with the case on both databases."""

    lookup_name = "like"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, params = self.process_lhs(compiler, connection)
        pattern, patterns = self.process_rhs(compiler, connection)
        return f"{column} LIKE {pattern} ESCAPE ''", [*params, *patterns]

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, params = self.process_lhs(compiler, connection)
        pattern, patterns = self.process_rhs(compiler, connection)
        return f"{column} GLOB {pattern}", [*params, *("".join(map(_as_glob, one)) for one in patterns)]


def _as_glob(character: str) -> str:
    return {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}.get(character, character)
