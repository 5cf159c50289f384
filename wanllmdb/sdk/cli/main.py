"""The command `wanllmdb`: `login`, `whoami`, and the groups of the other commands."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Annotated

import typer

from wanllmdb.sdk import __version__, errors, settings
from wanllmdb.sdk.api import Api
from wanllmdb.sdk.cli.artifact_commands import artifact_app
from wanllmdb.sdk.cli.cache_commands import cache_app
from wanllmdb.sdk.cli.doctor_command import diagnose
from wanllmdb.sdk.cli.import_command import import_app
from wanllmdb.sdk.cli.options import Json
from wanllmdb.sdk.cli.output import print_result
from wanllmdb.sdk.cli.sync_command import sync_runs
from wanllmdb.sdk.console import Console
from wanllmdb.sdk.host_environment import api_keys
from wanllmdb.sdk.login import sign_in

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
app.add_typer(artifact_app, name="artifact")
app.add_typer(cache_app, name="cache")
app.add_typer(import_app, name="import")
app.command("sync")(sync_runs)
app.command("doctor")(diagnose)

# So that a script can tell "somebody else was faster" and "approval needed" from other errors.
EXIT_CODES: dict[type[Exception], int] = {errors.AliasMoved: 3, errors.AliasProtected: 4}


def main() -> None:
    """Run the command. An error is one line on standard error and an exit code: 3 for an alias that is not at the
    expected version, 4 for a protected alias, else 1. 2 means invalid usage."""
    try:
        app()
    except (errors.WanLLMDBError, OSError) as error:
        print(f"wanllmdb: {error}", file=sys.stderr)
        sys.exit(EXIT_CODES.get(type(error), 1))


def _print_version(is_requested: bool) -> None:
    if is_requested:
        Console().info(__version__)
        raise typer.Exit


@app.callback()
def global_options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version.")
    ] = False,
) -> None:
    """wanLLMDB: version artifacts and name the versions that matter."""


@app.command(
    "records",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False},
    options_metavar="COMMAND [ARGS]...",
)
def run_records(context: typer.Context) -> None:
    """Trees of typed records: in a database of your own, or in a hierarchy of the server."""
    try:
        commands = import_module("wanllmdb.records.cli.main")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("wanllmdb"):
            raise
        raise errors.Invalid(
            f"`wanllmdb records` needs {(error.name or '').partition('.')[0]}, which is not installed: run "
            '`pip install "wanllmdb[records]"`'
        ) from error
    commands.run(context.args)


@app.command()
def login(
    key: Annotated[
        str | None, typer.Argument(help="The API key. Default: prompt for it, or read it from a pipe.")
    ] = None,
    base_url: Annotated[str | None, typer.Option(help="URL of the server.")] = None,
    as_json: Json = False,
) -> None:
    """Check an API key with the server, and store it in the config file."""
    if key is None and not sys.stdin.isatty():
        key = sys.stdin.readline().strip() or None
    viewer = sign_in(key, base_url, relogin=True)
    lines = [
        f"Logged in to {viewer['base_url']} as {viewer['username']}",
        f"API key stored in {settings.config_path()}",
    ]
    if api_keys.clean(os.environ.get("WANLLMDB_API_KEY")) not in (None, api_keys.clean(key)):
        lines.append("WANLLMDB_API_KEY is set to a different key, which takes precedence")
    print_result({"base_url": viewer["base_url"], "username": viewer["username"]}, as_json, lines)


@app.command()
def whoami(as_json: Json = False) -> None:
    """Show the user of the current API key, and the server."""
    base_url = settings.load().base_url
    viewer = Api().viewer
    teams = ", ".join(f"{team['name']} ({team['role']})" for team in viewer["teams"])
    lines = [f"{viewer['username']} at {base_url}", f"Teams: {teams}"]
    print_result({"base_url": base_url, **viewer}, as_json, lines)
