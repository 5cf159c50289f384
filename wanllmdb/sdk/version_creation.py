"""How a draft becomes a version, and how a name leads to one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from wanllmdb.sdk import errors, paths, timestamps
from wanllmdb.sdk.client import Client, segment
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.draft import Draft
from wanllmdb.sdk.transfer import hashes, upload, upload_plan
from wanllmdb.sdk.transfer.hashes import HashedFile

FILES_A_CALL = 10_000
BYTES_A_CALL = 7_000_000
# Around a path in the list of files: its keys, a sha256, a size.
_BYTES_A_FILE = 120


def log(
    connection: Connection,
    draft: Draft,
    project: str,
    aliases: Sequence[str],
    run_id: str | None = None,
    tags: Sequence[str] = (),
) -> dict[str, Any]:
    """Make a version of `team/project` that holds the draft's files, and return its record.

    Where the newest version holds them already, that one is the answer: nothing is uploaded, the aliases move. Tags are
    added to those of the artifact. Safe to call again after any failure; what had arrived by then is not sent twice.
    Raises `TypeDiffers`, `FileChanged`, `Unreachable`, and what the server refuses; `AliasProtected` before any bytes
    are sent.
    """
    client, console = connection.client, connection.console
    console.say(f"Logging artifact {draft.name!r} ({draft.type})...")
    known = find(client, project, draft.name)
    _check_type(draft, known)
    files = _hash(connection, draft)
    digest = hashes.version_digest((file.path, file.sha256, file.size) for file in files)
    artifact_id = known["id"] if known else _create(client, project, draft)
    about = {"digest": digest, "run_id": run_id, "description": draft.description, "metadata": draft.metadata}
    version = _make(connection, artifact_id, files, about, aliases)
    if version["created"]:
        console.say(f"  Created version: {version['version']}")
    else:
        console.say(f"  No changes: version {version['version']} already holds these files")
        if draft.metadata and draft.metadata != version["metadata"]:
            console.say("  Its metadata stays as it was: change artifact.metadata and call save()")
    add_tags(connection, artifact_id, tags)
    tell_of_aliases(connection, aliases)
    return version


def tell_of_aliases(connection: Connection, aliases: Sequence[str]) -> None:
    if aliases:
        connection.console.say(f"  Adding {len(aliases)} alias(es)...")
    for alias in aliases:
        connection.console.say(f"    ✓ {alias!r}")


def give(
    connection: Connection, record: dict[str, Any], aliases: Sequence[str], tags: Sequence[str] = ()
) -> dict[str, Any]:
    """Move aliases to a version that is logged already, and tag its artifact."""
    connection.console.say(f"Logging artifact {record['artifact_name']!r} ({record['artifact_type']})...")
    connection.console.say(f"  No changes: version {record['version']} already holds these files")
    version = _finalize(connection.client, record, record["digest"], aliases, [])
    add_tags(connection, record["artifact_id"], tags)
    tell_of_aliases(connection, aliases)
    return version


def add_tags(connection: Connection, artifact_id: str, tags: Sequence[str]) -> None:
    """Tag the artifact with those that it lacks; the others stay."""
    if not tags:
        return
    path = f"/artifacts/{artifact_id}"
    had = connection.client.get(path)["tags"]
    new = [tag for tag in tags if tag not in had]
    if new:
        connection.client.patch(path, {"tags": [*had, *new]})
        connection.console.say(f"  Adding {len(new)} tag(s): {', '.join(new)}")


def check_aliases(aliases: str | Iterable[str] | None) -> list[str]:
    """The aliases in the order given, each once. Raises `InvalidName`."""
    given = [aliases] if isinstance(aliases, str) else list(aliases or ())
    return [paths.check_alias(alias) for alias in dict.fromkeys(given)]


def check_tags(tags: str | Iterable[str] | None) -> list[str]:
    """The tags in the order given, each once. Raises `InvalidName`."""
    given = [tags] if isinstance(tags, str) else list(tags or ())
    return list(dict.fromkeys(map(paths.check_tag, given)))


def find(client: Client, project: str, name: str) -> dict[str, Any] | None:
    """The artifact's record, or None where the project has none of that name."""
    found = client.get("/artifacts", project=project, name=name)["items"]
    return dict(found[0]) if found else None


def find_named(connection: Connection, name: str) -> dict[str, Any]:
    """The record of the artifact `team/project/name`, whatever version the name goes on to say. Raises `NotFound`."""
    project, _, short = connection.full_name(name).partition(":")[0].rpartition("/")
    found = find(connection.client, project, short)
    if found is None:
        raise errors.NotFound(f"Artifact {short!r} not found in {project}")
    return found


def _check_type(draft: Draft, known: dict[str, Any] | None) -> None:
    if known and known["type"] != draft.type:
        raise errors.TypeDiffers(
            f"Artifact {draft.name!r} of {known['project_name']} is a {known['type']}, not a {draft.type}: "
            "log it with that type, or under another name"
        )


def _hash(connection: Connection, draft: Draft) -> list[HashedFile]:
    files = sorted(draft.sources.items())
    with connection.console.progress("Reading", draft.size) as tell:
        return hashes.hash_files(files, tell=tell)


def _create(client: Client, project: str, draft: Draft) -> str:
    body = {"project": project, "name": draft.name, "type": draft.type, "description": draft.description}
    try:
        return str(client.post("/artifacts", body, repeatable=True)["id"])
    except errors.NameTaken as taken:
        # Somebody else was quicker, or our first try arrived although its answer did not.
        known = client.get(f"/artifacts/{segment(taken.problem['artifact_id'])}")
        _check_type(draft, known)
        return str(known["id"])


def _make(
    connection: Connection, artifact_id: str, files: list[HashedFile], about: dict[str, Any], aliases: Sequence[str]
) -> dict[str, Any]:
    """The version that holds the files, whether it is made or was there."""
    tries = 0
    while True:
        try:
            begun = _begin(connection.client, artifact_id, files, {**about, "aliases": list(aliases)})
            if begun["state"] == "draft":
                return _fill(connection, begun, files, about["digest"], aliases)
            return _finalize(connection.client, begun, about["digest"], aliases, [])
        except (errors.VersionFinalized, errors.NotFound):
            # Another program of ours logs the same: it shares our draft, and has finished it or given it up.
            tries += 1
            if tries == 3:
                raise


def _begin(client: Client, artifact_id: str, files: list[HashedFile], about: dict[str, Any]) -> dict[str, Any]:
    """The draft with the sha256s that it lacks, or the version that holds the files already."""
    first, *rest = list(_batches(files)) or [[]]
    begun: dict[str, Any] = client.post(
        f"/artifacts/{artifact_id}/versions", {**about, "files": first}, repeatable=True
    )
    if begun["state"] == "draft":
        begun["missing"] = [*begun["missing"], *_state(client, begun["id"], rest)]
    return begun


def _state(client: Client, version_id: str, batches: Iterable[list[dict[str, Any]]]) -> Iterator[str]:
    path = f"/artifacts/versions/{version_id}/files/batch"
    for batch in batches:
        yield from client.post(path, {"files": batch}, repeatable=True)["missing"]


def _batches(files: Iterable[HashedFile]) -> Iterator[list[dict[str, Any]]]:
    """File lists as large as one call takes."""
    batch: list[dict[str, Any]] = []
    room = BYTES_A_CALL
    for file in files:
        # A character is six bytes at most in JSON.
        cost = len(file.path) * 6 + _BYTES_A_FILE
        if batch and (len(batch) == FILES_A_CALL or cost > room):
            yield batch
            batch, room = [], BYTES_A_CALL
        batch.append({"path": file.path, "size": file.size, "sha256": file.sha256})
        room -= cost
    if batch:
        yield batch


def _fill(
    connection: Connection, draft: dict[str, Any], files: list[HashedFile], digest: str, aliases: Sequence[str]
) -> dict[str, Any]:
    """Upload what the draft lacks, and make it final."""
    client = connection.client
    try:
        sent = _send(connection, draft["id"], files, draft["missing"])
        try:
            return _finalize(client, draft, digest, aliases, sent)
        except (errors.VersionIncomplete, errors.BytesMismatch):
            # What was there is not, or is not what it was. State the files again to learn what is to be sent, once.
            sent = _send(connection, draft["id"], files, _state(client, draft["id"], _batches(files)))
            return _finalize(client, draft, digest, aliases, sent)
    except (errors.FileChanged, errors.BytesMismatch):
        _abandon(client, draft["id"])
        raise


def _send(
    connection: Connection, version_id: str, files: list[HashedFile], missing: Iterable[str]
) -> list[dict[str, Any]]:
    wanted = set(missing)
    plan = upload_plan.plan(file for file in files if file.sha256 in wanted)
    with connection.console.progress("Uploading", plan.size) as tell:
        return upload.send(connection.client, version_id, plan, tell)


def _finalize(
    client: Client, version: dict[str, Any], digest: str | None, aliases: Sequence[str], uploads: list[dict[str, Any]]
) -> dict[str, Any]:
    body = {"digest": digest, "uploads": uploads, "aliases": list(aliases)}
    return dict(client.post(f"/artifacts/versions/{version['id']}/finalize", body, repeatable=True))


def _abandon(client: Client, version_id: str) -> None:
    """A draft that can never be completed is given up now, not when it is swept; that it fails changes nothing."""
    try:
        client.delete(f"/artifacts/versions/{version_id}")
    except errors.WanLLMDBError:
        return


def resolve(
    connection: Connection, name: str, type: str | None = None, at: str | datetime | None = None
) -> dict[str, Any]:
    """The record of the version that `team/project/name:x` means, or meant at that moment.

    Raises `NotFound`, `AliasNotFound`, `VersionNotFound`, `TypeDiffers`, `Invalid`.
    """
    moment = timestamps.stated(at) if at is not None else None
    return dict(connection.client.get("/artifacts/resolve", name=name, type=type, at=moment)["version"])


def meant(connection: Connection, name: str, version: str | int) -> dict[str, Any]:
    """The record of a version of `team/project/name`: 3 and '3' are v3 alone, any other word is as in `resolve`."""
    if not str(version).isdigit():
        return resolve(connection, f"{name}:{version}")
    return numbered(connection, name, version)


def numbered(connection: Connection, name: str, version: str | int) -> dict[str, Any]:
    """The record of the version v3, for 'v3', '3' and 3; never of an alias of that name. Raises `VersionNotFound`."""
    number = paths.check_version(version)
    try:
        found = resolve(connection, f"{name}:{number}")
    except errors.AliasNotFound:
        found = {"version": None}
    if found["version"] != number:
        raise errors.VersionNotFound(f"Artifact {name.rpartition('/')[2]!r} has no version {number!r}")
    return found


def use(
    connection: Connection,
    run_id: str,
    name: str,
    *,
    alias: str | None,
    version: str | None,
    type: str | None,
    at: str | datetime | None = None,
) -> dict[str, Any]:
    """The same, recorded as used by the run, and told on the console."""
    moment = timestamps.stated(at) if at is not None else None
    short = name.partition(":")[0].rpartition("/")[2]
    connection.console.say(f"Using artifact {short!r}...")
    asked = {"name": name, "alias": alias, "version": version, "type": type, "at": moment}
    body = {field: value for field, value in asked.items() if value is not None}
    used = connection.client.post(f"/runs/{run_id}/use-artifact", body, repeatable=True)
    found = dict(used["version"])
    if used["alias"]:
        when = f" (as of {moment})" if moment else ""
        connection.console.say(f"  Using alias {used['alias']!r} → version {found['version']!r}{when}")
    else:
        connection.console.say(f"  Using version {found['version']!r}")
    connection.console.say(f"  ✓ Artifact '{short}:{found['version']}' ready")
    return found
