"""The command line: the same verbs as in Python, for shells and scripts. With `--json` each answers one JSON value."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from wanllmdb.sdk import __version__, connection, errors, session, settings, version_creation
from wanllmdb.sdk.api import Api
from wanllmdb.sdk.artifact import Artifact
from wanllmdb.sdk.cli.alias_commands import alias_app
from wanllmdb.sdk.cli.output import At, Json, Name, answer, answer_rows, connect
from wanllmdb.sdk.console import Console
from wanllmdb.sdk.draft import Draft, describe_source

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
artifact_app = typer.Typer(help="Put, get and list artifacts.", no_args_is_help=True)
app.add_typer(artifact_app, name="artifact")
artifact_app.add_typer(alias_app, name="alias")


# So that a script can tell "somebody was quicker" and "ask somebody else" from everything else that may be refused.
EXIT_CODES: dict[type[Exception], int] = {errors.AliasMoved: 3, errors.AliasProtected: 4}


def main() -> None:
    """The `wanllmdb` command. Whatever is refused is one sentence on standard error, and an exit code: 3 for an alias
    that is not where it was expected, 4 for a protected one, else 1. 2 is for words that make no command."""
    try:
        app()
    except (errors.WanLLMDBError, OSError) as error:
        print(f"wanllmdb: {error}", file=sys.stderr)
        sys.exit(EXIT_CODES.get(type(error), 1))


def _show_version(is_asked: bool) -> None:
    if is_asked:
        Console().say(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version.")
    ] = False,
) -> None:
    """wanLLMDB: version artifacts and name the versions that matter."""


@app.command()
def login(
    key: Annotated[str | None, typer.Argument(help="The API key; asked for, or read from a pipe, when absent.")] = None,
    base_url: Annotated[str | None, typer.Option(help="Address of the server.")] = None,
    as_json: Json = False,
) -> None:
    """Keep an API key in the config file, once the server has taken it."""
    if key is None and not sys.stdin.isatty():
        key = sys.stdin.readline().strip() or None
    viewer = session.sign_in(key, base_url, relogin=True)
    lines = [f"Logged in to {viewer['base_url']} as {viewer['username']}", f"The key is in {settings.config_path()}"]
    if key and os.environ.get("WANLLMDB_API_KEY", key) != key:
        lines.append("WANLLMDB_API_KEY is set to another key, which is used instead as long as it is set")
    answer({"base_url": viewer["base_url"], "username": viewer["username"]}, as_json, lines)


@app.command()
def whoami(as_json: Json = False) -> None:
    """Show whose key is in use, and at which server."""
    found = settings.load()
    viewer = Api().viewer
    teams = ", ".join(f"{team['name']} ({team['role']})" for team in viewer["teams"])
    answer(
        {"base_url": found.base_url, **viewer},
        as_json,
        [f"{viewer['username']} at {found.base_url}", f"Teams: {teams}"],
    )


@artifact_app.command()
def put(
    paths: Annotated[
        list[Path], typer.Argument(help="Files and directories. Of a directory alone the contents go to the root.")
    ],
    name: Annotated[str, typer.Option("--name", "-n", help="team/project/name; a new project is made, private.")],
    type: Annotated[str, typer.Option("--type", "-t", help="model, dataset, file or code.")] = "file",
    aliases: Annotated[list[str] | None, typer.Option("--alias", "-a", help="May be given several times.")] = None,
    tags: Annotated[list[str] | None, typer.Option("--tag", help="Of the artifact; added to those it has.")] = None,
    description: Annotated[str | None, typer.Option("--description", "-d")] = None,
    metadata: Annotated[str | None, typer.Option(help="A JSON object.")] = None,
    as_json: Json = False,
) -> None:
    """Log files as a version of an artifact."""
    joined = connect(as_json)
    given, tagged = version_creation.check_aliases(aliases), version_creation.check_tags(tags)
    project, _, short = joined.full_name(name).rpartition("/")
    draft = Draft(short, type, description, _object(metadata))
    for path in paths:
        is_dir, own_name = describe_source(path)
        if is_dir:
            draft.add_dir(path, name=own_name if len(paths) > 1 else None)
        else:
            draft.add_file(path)
    _make_project(joined, project)
    artifact = Artifact._of(joined, version_creation.log(joined, draft, project, given, tags=tagged))
    answer(_summary(artifact), as_json, [])


@artifact_app.command()
def get(
    name: Name,
    root: Annotated[Path | None, typer.Option(help="Where to; ./artifacts/<name>:<version> when absent.")] = None,
    path_prefix: Annotated[str | None, typer.Option(help="Only files whose path starts with this.")] = None,
    type: Annotated[str | None, typer.Option("--type", "-t", help="Refuse an artifact of another type.")] = None,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Download a version: verified, and each file whole or not at all."""
    joined = connect(as_json)
    artifact = Artifact._of(joined, version_creation.resolve(joined, joined.full_name(name), type, at))
    place = artifact.download(root, path_prefix)
    answer({**_summary(artifact), "root": place}, as_json, [f"{artifact.qualified_name} is in {place}"])


@artifact_app.command("ls")
def list_artifacts(
    place: Annotated[str | None, typer.Argument(help="team/project, or team/project/name for its versions.")] = None,
    type: Annotated[str | None, typer.Option("--type", "-t")] = None,
    as_json: Json = False,
) -> None:
    """List the artifacts of a project, or the versions of an artifact."""
    api = Api()
    if place is not None and place.count("/") == 2:
        found = [_summary(version) for version in api.collection(place).versions()]
        answer_rows(found, as_json, ("version", "aliases", "file_count", "size", "created_at"))
    else:
        kept = ("project", "name", "type", "latest_version", "aliases", "updated_at")
        artifacts = api.artifacts(place or settings.load().project, type=type)
        answer_rows([{field: getattr(each, field) for field in kept} for each in artifacts], as_json, kept)


# --- Inside -----------------------------------------------------------------------------------------------------------


# --- What is common to them -------------------------------------------------------------------------------------------


def _make_project(joined: connection.Connection, full_name: str) -> None:
    team, _, name = full_name.partition("/")
    if not joined.client.get("/projects", team=team, name=name)["items"]:
        try:
            joined.client.post("/projects", {"team": team, "name": name})
        except errors.NameTaken:
            return  # somebody else made it in the meantime


def _object(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise errors.Invalid(f"--metadata is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise errors.Invalid("--metadata should be a JSON object, such as '{\"rows\": 3}'")
    return parsed


def _summary(artifact: Artifact) -> dict[str, Any]:
    kept = ("name", "type", "version", "aliases", "digest", "file_count", "size", "created_at", "url")
    return {"artifact": artifact.qualified_name, **{field: getattr(artifact, field) for field in kept}}
