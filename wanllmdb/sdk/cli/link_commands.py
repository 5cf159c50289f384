"""`wanllmdb artifact link` and `unlink`."""

from __future__ import annotations

from typing import Annotated

import typer

from wanllmdb.sdk import name_resolution
from wanllmdb.sdk.artifact import Artifact
from wanllmdb.sdk.cli.options import Json, Name, connect
from wanllmdb.sdk.cli.output import print_result


def link(
    name: Name,
    collection: Annotated[
        str,
        typer.Argument(
            help="team/project/name. It is made if it is not there; team and project can be omitted if they are those "
            "of the version.",
            metavar="COLLECTION",
        ),
    ],
    aliases: Annotated[list[str] | None, typer.Option("--alias", "-a", help="Of the link. Can be repeated.")] = None,
    as_json: Json = False,
) -> None:
    """Link a version in a collection, with a number and aliases of its own. Nothing is copied."""
    connection = connect(as_json)
    artifact = Artifact._from_record(connection, name_resolution.resolve(connection, connection.full_name(name)))
    made = artifact.link(collection, aliases)
    result = {"link": made.qualified_name, "source": artifact.qualified_name, "aliases": made.aliases, "url": made.url}
    print_result(result, as_json, [f"Linked as {made.qualified_name}"])


def unlink(
    name: Annotated[str, typer.Argument(help="The link: team/project/name:v0 or name:alias.")],
    delete_aliases: Annotated[
        bool, typer.Option("--delete-aliases", help="Delete its aliases too, except protected ones.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take a link out of its collection. The version that it links stays as it is."""
    connection = connect(as_json)
    artifact = Artifact._from_record(connection, name_resolution.resolve(connection, connection.full_name(name)))
    artifact._unlink(delete_aliases)
    print_result({"unlinked": artifact.qualified_name}, as_json, [f"Unlinked {artifact.qualified_name}"])
