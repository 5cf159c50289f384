"""What `add_reference` adds: an entry for each object that a URI names."""

from __future__ import annotations

from wanllmdb.sdk import errors, paths, reference_uris
from wanllmdb.sdk.manifest import Entry
from wanllmdb.sdk.paths import StrPath
from wanllmdb.sdk.reference_uris import SCHEMES, STORES, Location, without_secrets
from wanllmdb.sdk.references import identity, local_objects, store_objects, web_objects
from wanllmdb.sdk.references.store_objects import FoundObject

MAX_OBJECTS = 10_000_000


def of_uri(
    uri: str,
    name: StrPath | None = None,
    *,
    checksum: bool = True,
    max_objects: int = MAX_OBJECTS,
    size: int | None = None,
    md5_hash: str | None = None,
    sha256_hash: str | None = None,
) -> list[Entry]:
    """See `Artifact.add_reference`."""
    if size is not None and not 0 <= size < 2**63:
        raise errors.Invalid(f"size takes a number of bytes, not {size}")
    if max_objects < 1:
        raise errors.Invalid(f"max_objects takes a number from 1, not {max_objects}")
    location = reference_uris.parse(uri)
    given = identity.of_hashes(md5_hash, sha256_hash)
    if location.provider == "other" and (checksum or given or name is None):
        raise errors.Invalid(
            f"{without_secrets(uri)} cannot be opened: only {', '.join(SCHEMES)} can. To record another URI alone, "
            "pass checksum=False and a name"
        )
    if given or not checksum:
        return [_unopened(location, name, size or 0, given)]
    found = _find(location, max_objects)
    is_single = len(found) == 1 and not found[0].path
    if size is not None and not (is_single and found[0].size in (0, size)):
        actual = f"{found[0].size:,} bytes" if is_single else f"{len(found):,} objects"
        raise errors.Invalid(f"{without_secrets(uri)} has {actual}, not {size:,} bytes")
    if is_single:
        (item,) = found
        return [_to_entry(_path_of(location, name), item, size)]
    folder = paths.folder_from_user(name) if name is not None else ""
    return [_to_entry(paths.from_local(folder + item.path), item) for item in found]


def _unopened(location: Location, name: StrPath | None, size: int, given: str) -> Entry:
    """The URI as it is, whatever is there."""
    if given and _names_folder(location):
        raise errors.Invalid(f"{without_secrets(location.uri)} names a folder, and a hash is that of one object")
    path = _path_of(location, name)
    return Entry.of_reference(path, size, location.uri, given, location.version_id)


def _find(location: Location, max_objects: int) -> list[FoundObject]:
    if location.provider in STORES:
        return store_objects.find(location, max_objects)
    if location.provider == "file":
        return local_objects.find(location, max_objects)
    size, found = web_objects.look_up(location.uri)
    return [FoundObject(location.uri, "", size, found)]


def _path_of(location: Location, name: StrPath | None) -> str:
    """Of an entry for the URI itself."""
    if name is None and not location.name:
        raise errors.Invalid(f"{without_secrets(location.uri)} has no file name: pass a name")
    return paths.from_local(location.name if name is None else name)


def _names_folder(location: Location) -> bool:
    return location.provider in STORES and (not location.key or location.key.endswith("/"))


def _to_entry(path: str, item: FoundObject, size: int | None = None) -> Entry:
    if len(item.uri) > reference_uris.MAX_LENGTH:
        raise errors.Invalid(
            f"The URI of {path!r} is longer than {reference_uris.MAX_LENGTH:,} characters: it cannot be recorded"
        )
    return Entry.of_reference(path, item.size or size or 0, item.uri, item.identity, item.version_id)
