"""From a name such as `team/project/name:x` to the record of an artifact or a version."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from typing import TYPE_CHECKING, Any

from wanllmdb.sdk import errors, timestamps
from wanllmdb.sdk.validators import parse_version, validate_alias

if TYPE_CHECKING:
    from wanllmdb.sdk.connection import Connection
    from wanllmdb.sdk.http_client import Client


@contextmanager
def explain_missing(name: str, error_class: type[errors.NotFound]) -> Iterator[None]:
    """Say by its name what is gone, where the server was asked for its id and can only say that there is none."""
    try:
        yield
    except errors.NotFound as error:
        if type(error) is not errors.NotFound or error.status is None:
            raise
        message = f"{name} was deleted, or you no longer have access to it"
        raise error_class(message, status=error.status, problem=error.problem) from error


def find_artifact(client: Client, project: str, name: str) -> dict[str, Any] | None:
    """The record of the artifact, or None if the project has none of this name."""
    items = client.get("/artifacts", project=project, name=name)["items"]
    return dict(items[0]) if items else None


def get_artifact(connection: Connection, name: str) -> dict[str, Any]:
    """The record of the artifact `team/project/name`; a version in the name is ignored. Raises `NotFound`."""
    project, _, short_name = connection.full_name(name).partition(":")[0].rpartition("/")
    artifact = find_artifact(connection.client, project, short_name)
    if artifact is None:
        raise errors.NotFound(f"Artifact {short_name!r} not found in {project}")
    return artifact


def validate_selector(name: str, alias: str | None, version: str | int | None) -> None:
    """Raises `Invalid` unless at most one of these names a version, `InvalidName` for what cannot be an alias."""
    if ":" in name and (alias is not None or version is not None):
        raise errors.Invalid(f"{name!r} already names a version: do not pass alias or version as well")
    if alias is not None and version is not None:
        raise errors.Invalid("Pass either an alias or a version, not both")
    if alias is not None:
        validate_alias(alias)


def resolve(
    connection: Connection, name: str, type: str | None = None, at: str | datetime | None = None
) -> dict[str, Any]:
    """The record of the version that `team/project/name:x` points to, or pointed to at that time.

    Raises `NotFound`, `AliasNotFound`, `VersionNotFound`, `TypeDiffers`, `Invalid`.
    """
    timestamp = timestamps.to_wire(at) if at is not None else None
    found = connection.client.get("/artifacts/resolve", name=name, type=type, at=timestamp)
    return _with_request(found)


def resolve_version(connection: Connection, name: str, version: str | int) -> dict[str, Any]:
    """The record of a version of `team/project/name`: 3 and '3' are always v3, anything else is as in `resolve`."""
    if not str(version).isdigit():
        return resolve(connection, f"{name}:{version}")
    return get_by_number(connection, name, version)


def get_by_number(connection: Connection, name: str, version: str | int) -> dict[str, Any]:
    """The record of the version v3, for 'v3', '3' and 3, never of an alias of that name. Raises `VersionNotFound`."""
    number = parse_version(version)
    try:
        record = resolve(connection, f"{name}:{number}")
    except errors.AliasNotFound:
        record = {"version": None}
    if record["version"] != number:
        raise errors.VersionNotFound(f"Artifact {name.rpartition('/')[2]!r} has no version {number!r}")
    return record


def resolve_and_record_usage(
    connection: Connection,
    run_id: str,
    name: str,
    *,
    version_id: str | None = None,
    alias: str | None,
    version: str | None,
    type: str | None,
    at: str | datetime | None = None,
    requested_as: str | None = None,
) -> dict[str, Any]:
    """Like `resolve`, recorded as used by the run and reported on the console.

    The name is `name:x` in the run's project, or `team/project/name:x`; with `version_id` it is only shown.
    """
    timestamp = timestamps.to_wire(at) if at is not None else None
    short_name = name.partition(":")[0].rpartition("/")[2]
    console = connection.console
    console.info(f"Using artifact {short_name!r}...")
    params = {"name": name, "alias": alias, "version": version, "type": type, "at": timestamp}
    if version_id is not None:
        params = {"version_id": version_id, "type": type, "requested_as": requested_as}
    body = {field: value for field, value in params.items() if value is not None}
    with explain_missing(name, errors.VersionNotFound) if version_id else nullcontext():
        usage = connection.client.post(f"/runs/{run_id}/use-artifact", body, idempotent=True)
    record = _with_request(usage)
    if usage["alias"]:
        as_of = f" (as of {timestamp})" if timestamp else ""
        console.info(f"  Using alias {usage['alias']!r} → version {record['version']!r}{as_of}")
    else:
        console.info(f"  Using version {record['version']!r}")
    console.info(f"  ✓ Artifact '{short_name}:{record['version']}' ready")
    return record


def _with_request(found: dict[str, Any]) -> dict[str, Any]:
    """The record of the version, with the alias or version that it was found by, for a run that uses it later."""
    return {**found["version"], "requested_as": found["alias"] or found["version"]["version"]}
