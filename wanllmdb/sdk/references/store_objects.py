"""Finds the objects of a store that a URI names: one, or all below a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from wanllmdb.sdk import errors, reference_uris
from wanllmdb.sdk.reference_uris import Location, without_secrets
from wanllmdb.sdk.references import identity, stores
from wanllmdb.sdk.transfer.worker_pool import WorkerPool

CHUNK_SIZE = 1000
"""What stores list in one answer."""
MAX_WORKERS = 32


@dataclass(frozen=True, slots=True)
class FoundObject:
    """An object as it is now."""

    uri: str
    path: str
    """Below what was asked for; empty if that was the object itself."""
    size: int
    identity: str
    version_id: str = ""


def find(location: Location, max_objects: int) -> list[FoundObject]:
    """The object, or all objects below the folder, without the empty objects that only stand for folders.

    A key that ends with a slash is a folder; any other is an object, or else a folder. Where the bucket keeps versions,
    each object is looked at for its version. Raises `NotFound` if there is nothing, `Invalid` with the number of
    objects if there are more than `max_objects`, `ReferenceUnreachable`, `FileChanged`.
    """
    store = stores.open_store(location)
    with stores.explain_errors(location.uri):
        is_folder = not location.key or location.key.endswith("/")
        if not is_folder or location.version_id:
            try:
                pinned = {"version": location.version_id} if location.version_id else {}
                head = store.get(location.key, options={"head": True, **pinned}).meta
            except FileNotFoundError:
                if location.version_id:
                    raise
            else:
                version_id = location.version_id or _version_of(head)
                return [FoundObject(location.uri, "", head["size"], _identity_of(head), version_id)]
        return _Listing(store, location).collect(max_objects)


class _Listing:
    """All objects below a folder, looked at in chunks, so that besides what is found only one chunk is in memory."""

    def __init__(self, store: Any, location: Location) -> None:
        self._store = store
        self._location = location
        self._prefix = f"{location.key.rstrip('/')}/" if location.key else ""
        self._empty: set[str] = set()

    def collect(self, max_objects: int) -> list[FoundObject]:
        found: list[FoundObject] = []
        count = 0
        for chunk in self._store.list(self._prefix.rstrip("/") or None, chunk_size=CHUNK_SIZE):
            objects = self._without_folders([item for item in chunk if item["path"].startswith(self._prefix)])
            count += len(objects)
            if count <= max_objects:
                found += [self._to_found(item) for item in self._with_versions(objects)]
        safe_uri = without_secrets(self._location.uri)
        if count > max_objects:
            raise errors.Invalid(
                f"There are {count:,} objects at {safe_uri}, more than max_objects={max_objects:,}; none was added"
            )
        if not found:
            raise errors.NotFound(f"There is no object at {safe_uri}, and none below it")
        return found

    def _without_folders(self, objects: list[Any]) -> list[Any]:
        """`a/` and `a` are both listed as `a`: which of them an empty object is, its own answer says."""
        empty = [item for item in objects if not item["size"] and item["path"] not in self._empty]
        self._empty.update(item["path"] for item in empty)
        heads = dict(zip((item["path"] for item in empty), self._look_at(empty), strict=True))
        kept = {path for path, head in heads.items() if head is not None and not head["size"]}
        files = []
        for item in objects:
            if item["size"] or item["path"] in kept:
                files.append(item)
                kept.discard(item["path"])
        return files

    def _with_versions(self, objects: list[Any]) -> list[Any]:
        """Listings have no versions. That the bucket keeps some, the first object of a chunk says."""
        if not objects or not (self._look_at(objects[:1])[0] or {}).get("version"):
            return objects
        heads = self._look_at(objects)
        for item, head in zip(objects, heads, strict=True):
            if head is None:
                raise errors.FileChanged(
                    f"{self._safe_uri(item['path'])} was deleted while the objects were listed; none was added"
                )
        return heads

    def _look_at(self, objects: Sequence[Any]) -> list[Any]:
        """What the store says of each now; None for one that is not there."""
        heads: list[Any] = [None] * len(objects)

        def look_at(number: int, path: str) -> None:
            try:
                heads[number] = self._store.head(path)
            except FileNotFoundError:
                return

        _run(look_at, [(number, item["path"]) for number, item in enumerate(objects)])
        return heads

    def _to_found(self, item: Any) -> FoundObject:
        path = item["path"]
        uri = self._location.uri_of(path)
        if ("?" in path or "#" in path) and reference_uris.parse(uri).version_id:
            raise errors.Invalid(
                f"{self._safe_uri(path)} cannot be recorded: with a key that ends so, its URI names a version of "
                "another object; none was added"
            )
        return FoundObject(
            uri,
            path[len(self._prefix) :],
            item["size"],
            _identity_of(item),
            _version_of(item),
        )

    def _safe_uri(self, path: str) -> str:
        return without_secrets(self._location.uri_of(path))


def _run(job: Callable[..., object], arguments: Sequence[tuple[Any, ...]]) -> None:
    if len(arguments) == 1:
        job(*arguments[0])
        return
    with WorkerPool(MAX_WORKERS) as workers:
        for values in arguments:
            workers.submit(job, *values)


def _identity_of(item: Any) -> str:
    return identity.of_etag(item["e_tag"]) or identity.of_time(item["last_modified"])


def _version_of(item: Any) -> str:
    """Empty for `null`, which S3 calls an object from before it kept versions, and writes anew."""
    version = item["version"] or ""
    return "" if version == "null" else version
