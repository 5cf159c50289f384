"""`wanllmdb artifact put`, `get` and `ls`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from wanllmdb.sdk import errors, name_resolution, settings, version_creation
from wanllmdb.sdk.api import Api
from wanllmdb.sdk.artifact import Artifact
from wanllmdb.sdk.cli.alias_commands import alias_app
from wanllmdb.sdk.cli.options import At, Json, Name, connect
from wanllmdb.sdk.cli.output import print_result, print_table
from wanllmdb.sdk.draft import Draft, inspect_path
from wanllmdb.sdk.validators import validate_aliases, validate_tags

artifact_app = typer.Typer(help="Put, get and list artifacts.", no_args_is_help=True)
artifact_app.add_typer(alias_app, name="alias")


@artifact_app.command()
def put(
    paths: Annotated[
        list[Path], typer.Argument(help="Files and directories. The contents of a single directory go to the root.")
    ],
    name: Annotated[
        str, typer.Option("--name", "-n", help="team/project/name. A missing project is created, private.")
    ],
    type: Annotated[str, typer.Option("--type", "-t", help="model, dataset, file or code.")] = "file",
    aliases: Annotated[list[str] | None, typer.Option("--alias", "-a", help="Can be repeated.")] = None,
    tags: Annotated[list[str] | None, typer.Option("--tag", help="Tag of the artifact. Can be repeated.")] = None,
    description: Annotated[str | None, typer.Option("--description", "-d")] = None,
    metadata: Annotated[str | None, typer.Option(help="A JSON object.")] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(help="Leave out files of directories: '*.pyc', '.venv/**'. Can be repeated.", metavar="PATTERN"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Log files as a version of an artifact."""
    connection = connect(as_json)
    alias_names, tag_names = validate_aliases(aliases), validate_tags(tags)
    project, _, short_name = connection.full_name(name).rpartition("/")
    draft = Draft(short_name, type, description, _parse_metadata(metadata))
    for path in paths:
        is_dir, own_name = inspect_path(path)
        if is_dir:
            draft.add_dir(path, name=own_name if len(paths) > 1 else None, exclude=exclude)
        else:
            draft.add_file(path)
    record = version_creation.create_version(
        connection, draft, project, alias_names, tags=tag_names, create_project=True
    )
    print_result(_summarize(Artifact._from_record(connection, record)), as_json, [])


@artifact_app.command()
def get(
    name: Name,
    root: Annotated[
        Path | None,
        typer.Option(help="Target directory. Default: ./artifacts/<team>/<project>/<name>-<version>."),
    ] = None,
    path_prefix: Annotated[
        str | None, typer.Option(help="Only the files of this folder, or else those whose path starts with this.")
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Delete everything else in the target directory.")] = False,
    type: Annotated[str | None, typer.Option("--type", "-t", help="Fail if the artifact has another type.")] = None,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Download a version. Each file is verified, and complete or not there at all."""
    connection = connect(as_json)
    record = name_resolution.resolve(connection, connection.full_name(name), type, at)
    artifact = Artifact._from_record(connection, record)
    directory = artifact.download(root, path_prefix, exact=exact)
    lines = [f"Downloaded {artifact.qualified_name} to {directory}"]
    print_result({**_summarize(artifact), "root": directory}, as_json, lines)


@artifact_app.command("ls")
def list_artifacts(
    name: Annotated[
        str | None,
        typer.Argument(help="team/project, or team/project/name for its versions.", metavar="PROJECT|ARTIFACT"),
    ] = None,
    type: Annotated[str | None, typer.Option("--type", "-t")] = None,
    as_json: Json = False,
) -> None:
    """List the artifacts of a project, or the versions of an artifact."""
    api = Api()
    if name is not None and name.count("/") == 2:
        versions = [_summarize(version) for version in api.collection(name).versions()]
        print_table(versions, as_json, ("version", "aliases", "file_count", "size", "created_at"))
    else:
        columns = ("project", "name", "type", "latest_version", "aliases", "updated_at")
        artifacts = api.artifacts(name or settings.load().project, type=type)
        rows = [{column: getattr(artifact, column) for column in columns} for artifact in artifacts]
        print_table(rows, as_json, columns)


def _parse_metadata(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        metadata = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise errors.Invalid(f"--metadata is not valid JSON: {error}") from error
    if not isinstance(metadata, dict):
        raise errors.Invalid("--metadata must be a JSON object, such as '{\"rows\": 3}'")
    return metadata


def _summarize(artifact: Artifact) -> dict[str, Any]:
    fields = ("name", "type", "version", "aliases", "digest", "file_count", "size", "created_at", "url")
    return {"artifact": artifact.qualified_name, **{field: getattr(artifact, field) for field in fields}}
