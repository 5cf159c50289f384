"""`wanllmdb artifact put`, `get`, `ls`, `usage` and `rm`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from wanllmdb.sdk import byte_sizes, errors, name_resolution, settings, version_creation
from wanllmdb.sdk.api import Api, Collection
from wanllmdb.sdk.artifact import Artifact
from wanllmdb.sdk.cli.alias_commands import alias_app
from wanllmdb.sdk.cli.cache_commands import wandb_cache_app
from wanllmdb.sdk.cli.lineage_commands import show_impact, show_lineage
from wanllmdb.sdk.cli.link_commands import link, unlink
from wanllmdb.sdk.cli.options import At, Json, Name, ProgressJson, connect
from wanllmdb.sdk.cli.output import print_progress, print_result, print_table
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.draft import Draft, inspect_path
from wanllmdb.sdk.http_client import quote_segment
from wanllmdb.sdk.lineage import sources
from wanllmdb.sdk.references import entries
from wanllmdb.sdk.validators import validate_aliases, validate_tags

# Of each artifact in a list of them; `alias ls` lists all of one.
_MAX_ALIASES = 4

artifact_app = typer.Typer(help="Put, get, list and delete artifacts.", no_args_is_help=True)
artifact_app.add_typer(alias_app, name="alias")
artifact_app.add_typer(wandb_cache_app, name="cache", hidden=True)
artifact_app.command("lineage")(show_lineage)
artifact_app.command("impact")(show_impact)
artifact_app.command("link")(link)
artifact_app.command("unlink")(unlink)


@artifact_app.command()
def put(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Files and directories. The contents of a single directory go to the root."),
    ] = None,
    *,
    name: Annotated[
        str, typer.Option("--name", "-n", help="team/project/name. A missing project is created, private.")
    ],
    type: Annotated[str, typer.Option("--type", "-t", help="model, dataset, file or code.")] = "file",
    aliases: Annotated[list[str] | None, typer.Option("--alias", "-a", help="Can be repeated.")] = None,
    tags: Annotated[list[str] | None, typer.Option("--tag", help="Tag of the artifact. Can be repeated.")] = None,
    description: Annotated[str | None, typer.Option("--description", "-d")] = None,
    metadata: Annotated[str | None, typer.Option(help="A JSON object.")] = None,
    derived_from: Annotated[
        list[str] | None,
        typer.Option(help="A version that it was made from: data:v3, team/project/data:alias. Can be repeated."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(help="Leave out files of directories: '*.pyc', '.venv/**'. Can be repeated.", metavar="PATTERN"),
    ] = None,
    references: Annotated[
        list[str] | None,
        typer.Option(
            "--reference",
            "-r",
            help="Refer to objects where they are: s3://bucket/folder/, gs://…, az://…, https://…, file:///…, or "
            "PATH=URI for their path in the artifact. Can be repeated.",
            metavar="[PATH=]URI",
        ),
    ] = None,
    checksum: Annotated[
        bool, typer.Option(help="Look at the objects of references, and record what identifies them.")
    ] = True,
    progress_json: ProgressJson = False,
    as_json: Json = False,
) -> None:
    """Log files and references as a version of an artifact."""
    if not paths and not references:
        raise errors.Invalid("There is nothing to log: name files and directories, or references with --reference")
    paths = paths or []
    connection = connect(as_json or progress_json)
    alias_names, tag_names = validate_aliases(aliases), validate_tags(tags)
    project, _, short_name = connection.full_name(name).rpartition("/")
    derivations = sources.without_repeats(map(sources.of_name, derived_from or ()))
    draft = Draft(short_name, type, description, _parse_metadata(metadata), derivations)
    for path in paths:
        is_dir, own_name = inspect_path(path)
        if is_dir:
            draft.add_dir(path, name=own_name if len(paths) > 1 else None, exclude=exclude)
        else:
            draft.add_file(path)
    for reference in references or ():
        path_name, uri = _parse_reference(reference)
        draft.add_references(entries.of_uri(uri, path_name, checksum=checksum))
    record = version_creation.create_version(
        *(connection, draft, project, alias_names),
        tags=tag_names,
        create_project=True,
        progress=print_progress if progress_json else None,
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
    allow_missing_references: Annotated[
        bool, typer.Option("--allow-missing-references", help="Leave out references that cannot be had.")
    ] = False,
    skip_cache: Annotated[
        bool, typer.Option("--skip-cache", help="Neither read nor fill the cache of this machine.")
    ] = False,
    type: Annotated[str | None, typer.Option("--type", "-t", help="Fail if the artifact has another type.")] = None,
    at: At = None,
    progress_json: ProgressJson = False,
    as_json: Json = False,
) -> None:
    """Download a version. Each file is verified, and complete or not there at all."""
    connection = connect(as_json or progress_json)
    record = name_resolution.resolve(connection, connection.full_name(name), type, at)
    artifact = Artifact._from_record(connection, record)
    directory = artifact.download(
        *(root, path_prefix),
        exact=exact,
        allow_missing_references=allow_missing_references,
        skip_cache=skip_cache,
        progress=print_progress if progress_json else None,
    )
    lines = [f"Downloaded {artifact.qualified_name} to {directory}"]
    print_result({**_summarize(artifact), "root": directory}, as_json, lines)


@artifact_app.command("ls")
def list_artifacts(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A project, or an artifact for its versions: team/project/name. Team and project can be omitted if "
            "the settings have them; what could be both is the project.",
            metavar="PROJECT|ARTIFACT",
        ),
    ] = None,
    type: Annotated[str | None, typer.Option("--type", "-t")] = None,
    as_json: Json = False,
) -> None:
    """List the artifacts of a project, or the versions of an artifact."""
    connection = connect(as_json)
    artifact = _find_artifact(connection, name) if name is not None else None
    if artifact is not None:
        versions = [_summarize(version) for version in artifact.versions()]
        source = () if artifact.is_sequence() else ("source",)
        print_table(versions, as_json, ("version", "aliases", *source, "file_count", "size", "created_at"))
    else:
        columns = ("project", "name", "type", "latest_version", "aliases", "updated_at")
        more = ("alias_versions", "alias_count")
        artifacts = Api().artifacts(name or settings.load().project, type=type)
        rows = [{column: getattr(artifact, column) for column in (*columns, *more)} for artifact in artifacts]
        if not as_json:
            rows = [row | {"aliases": _describe_aliases(row)} for row in rows]
        print_table(rows, as_json, columns)


@artifact_app.command("usage")
def show_usage(
    name: Annotated[
        str,
        typer.Argument(help="team/project/name. Team and project can be omitted if the settings have them."),
    ],
    as_json: Json = False,
) -> None:
    """Show how much storage the versions of an artifact take, and what sharing equal files and pieces saves."""
    connection = connect(as_json)
    artifact = name_resolution.get_artifact(connection, name)
    usage = connection.client.get(f"/artifacts/{quote_segment(artifact['id'])}/storage")
    lines = [f"{title:7} {byte_sizes.describe(usage[title])}" for title in ("stored", "logical", "saved")]
    print_result(usage, as_json, lines)


@artifact_app.command("rm")
def remove(
    name: Annotated[
        str,
        typer.Argument(
            help="team/project/name for an artifact with all its versions, team/project/name:v3 or name:alias for one "
            "version. Team and project can be omitted if the settings have them."
        ),
    ],
    delete_aliases: Annotated[
        bool, typer.Option("--delete-aliases", help="Delete its aliases too, except protected ones.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask. Required if there is no terminal.")] = False,
    as_json: Json = False,
) -> None:
    """Delete a version, or an artifact with all its versions. This cannot be undone.

    Numbers of versions are never used again. Asks twice on a terminal.
    """
    connection = connect(as_json)
    doomed: Artifact | Collection
    if ":" in name:
        doomed = Artifact._from_record(connection, name_resolution.resolve(connection, connection.full_name(name)))
        description, aliases = _describe_version(doomed), doomed.aliases
    else:
        doomed = Collection(connection, name_resolution.get_artifact(connection, name))
        count = doomed.version_count
        versions = "1 version" if count == 1 else f"all {count} versions"
        description, aliases = f"artifact {doomed.qualified_name} with {versions}", sorted(doomed.all_aliases())
    if aliases:
        description += f" (aliases: {', '.join(aliases)})"
    if not yes:
        _confirm(f"Delete {description}?", "This cannot be undone. Delete it?")
    doomed.delete(delete_aliases)
    print_result({"deleted": doomed.qualified_name}, as_json, [f"Deleted {doomed.qualified_name}"])


def _describe_aliases(row: Mapping[str, Any]) -> str:
    """`production → v2, latest → v4, +3`: the first few, and how many more there are."""
    pointers = [f"{alias} → {version}" for alias, version in islice(row["alias_versions"].items(), _MAX_ALIASES)]
    more = row["alias_count"] - len(pointers)
    return ", ".join([*pointers, f"+{more}"] if more > 0 else pointers)


def _find_artifact(connection: Connection, name: str) -> Collection | None:
    """The artifact of that name; None if it is the name of a project. Raises `NotFound` if it is neither."""
    path = name.partition(":")[0]
    if ":" not in name and path.count("/") < 2:
        team, _, project = connection.full_project(path).partition("/")
        if connection.client.get("/projects", team=team, name=project)["items"]:
            return None
    try:
        return Collection(connection, name_resolution.get_artifact(connection, name))
    except errors.NotFound as error:
        if path.count("/") == 2:
            raise
        raise errors.NotFound(f"There is no project and no artifact {path!r}") from error
    except errors.Invalid as error:
        # A name without a project, and no project in the settings.
        if path.count("/"):
            raise
        raise errors.NotFound(f"Project {connection.full_project(path)!r} not found") from error


def _describe_version(version: Artifact) -> str:
    files = "1 file" if version.file_count == 1 else f"{version.file_count} files"
    runs = len(version.used_by())
    used = f", used by {'1 run' if runs == 1 else f'{runs} runs'}" if runs else ""
    return f"version {version.qualified_name} with {files}{used}"


def _confirm(*questions: str) -> None:
    """Ask each question on the terminal. Raises `Invalid` if there is no terminal, or if the answer is not yes."""
    if not sys.stdin or not sys.stdin.isatty():
        raise errors.Invalid("There is no terminal to ask on: pass --yes to delete without being asked")
    for question in questions:
        if not typer.confirm(question, err=True):
            raise errors.Invalid("Nothing was deleted")


def _parse_reference(text: str) -> tuple[str | None, str]:
    """`PATH=URI` or `URI`, which may have a = itself."""
    path, equals, uri = text.partition("=")
    return (path, uri) if equals and "://" not in path else (None, text)


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
    summary = {"artifact": artifact.qualified_name, **{field: getattr(artifact, field) for field in fields}}
    source = artifact._logged("ls").source
    return summary if source is None else summary | {"source": _describe_source(source)}


def _describe_source(source: Mapping[str, Any]) -> str | None:
    """`team/project/name:v3` of the version that a link leads to; None where one has no access to it."""
    return None if source["version_id"] is None else f"{source['full_name']}:{source['version']}"
