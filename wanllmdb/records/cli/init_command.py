"""`wanllmdb records init`: a place for records."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from wanllmdb.records import addresses, wire
from wanllmdb.records.addresses import RemoteAddress
from wanllmdb.records.cli.options import Address, run
from wanllmdb.records.connections import open_repository
from wanllmdb.records.hierarchy import ANY_HIERARCHY, MAX_LEVELS, ArtifactHierarchy
from wanllmdb.records.local_repository import ArtifactRepository
from wanllmdb.sdk import connection, errors
from wanllmdb.sdk.cli.options import Json
from wanllmdb.sdk.cli.output import print_result
from wanllmdb.sdk.http_client import Client


def init(
    address: Address,
    labels: Annotated[
        list[str] | None,
        typer.Option(
            "--label",
            "-l",
            help="What the records of a level are called: `-l experiment -l model` from the roots down, or "
            "`-l 2=predictions` for one level. Can be repeated.",
            metavar="[LEVEL=]LABEL",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the hierarchy, in a database. Default: records.")] = None,
    enforce: Annotated[
        bool, typer.Option("--enforce/--no-enforce", help="Refuse records below the last label.")
    ] = True,
    description: Annotated[str, typer.Option("--description", "-d", help="On a server.")] = "",
    as_json: Json = False,
) -> None:
    """Create the tables of a database, or a hierarchy on a server, with the labels of its levels."""
    level_labels = parse_labels(labels or [])
    if addresses.is_local(address):
        if description:
            raise errors.Invalid("A database has no place for a description: only a server has")
        hierarchy = ArtifactHierarchy(
            name=name or ANY_HIERARCHY.name, level_labels=level_labels, enforce_levels=enforce and bool(level_labels)
        )
        run(_store(address, hierarchy))
        what = address
    else:
        remote = connection.connect(mode="online")
        found = addresses.parse_remote(address, remote)
        if name not in (None, found.name):
            raise errors.Invalid(f"The address names the hierarchy {found.name!r}: leave out --name")
        if found.base_url != remote.settings.base_url:
            remote = connection.connect(mode="online", base_url=found.base_url)
        fields: dict[str, Any] = {
            "level_labels": {str(level): label for level, label in level_labels.items()},
            "enforce_levels": enforce and bool(level_labels),
            "description": description,
        }
        hierarchy = wire.hierarchy(_create(remote.client, found, fields))
        what = found.url
    lines = [f"Created hierarchy {hierarchy.name!r}: {what}"]
    lines += [f"  level {level}: {label}" for level, label in hierarchy.level_labels.items()]
    print_result({"address": what, **hierarchy.model_dump(mode="json")}, as_json, lines)


def parse_labels(texts: list[str]) -> dict[int, str]:
    """Labels by level; those without a level are one below the other. Raises `Invalid`."""
    labels: dict[int, str] = {}
    below = 0
    for text in texts:
        before, equals, after = text.partition("=")
        level, label = (before.strip(), after.strip()) if equals else (str(below), text.strip())
        if not label or not level.isdecimal() or int(level) >= MAX_LEVELS:
            raise errors.Invalid(f"--label {text!r} is not LABEL or LEVEL=LABEL, with a level of 0 to {MAX_LEVELS - 1}")
        if int(level) in labels:
            raise errors.Invalid(f"Level {level} has two labels: {labels[int(level)]!r} and {label!r}")
        labels[int(level)] = label
        below = int(level) + 1
    return labels


async def _store(address: str, hierarchy: ArtifactHierarchy) -> None:
    repository = await open_repository(address)
    try:
        stored = await repository.find_hierarchy()
        if stored not in (None, hierarchy):
            raise errors.NameTaken(f"{address} already has the hierarchy {stored.name!r}, with other labels")
        if stored is None and isinstance(repository, ArtifactRepository):
            await repository.store_hierarchy(hierarchy)
    finally:
        await repository.close()


def _create(client: Client, address: RemoteAddress, fields: dict[str, Any]) -> dict[str, Any]:
    """A new hierarchy. A missing project is created, private."""
    body = {"project": address.full_project, "name": address.name, **fields}
    try:
        return dict(client.post("/hierarchies", body))
    except errors.NotFound:
        client.post("/projects", {"team": address.team, "name": address.project})
        return dict(client.post("/hierarchies", body))
