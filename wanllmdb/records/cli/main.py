"""The group of commands: `wanllmdb.sdk.cli.main` passes what follows `wanllmdb records` on to it."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from wanllmdb.records.cli.init_command import init
from wanllmdb.records.cli.read_commands import list_records, show_record, show_tree
from wanllmdb.records.cli.transfer import download, export_records, import_records
from wanllmdb.records.cli.write_commands import move, put, remove

records_app = typer.Typer(
    help="Trees of typed records: in a database of your own, or in a hierarchy of the server.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
records_app.command()(init)
records_app.command("ls")(list_records)
records_app.command("tree")(show_tree)
records_app.command("get")(show_record)
records_app.command()(put)
records_app.command("mv")(move)
records_app.command("rm")(remove)
records_app.command("export")(export_records)
records_app.command("import")(import_records)
records_app.command()(download)


def run(arguments: Sequence[str]) -> None:
    """Run the command that the arguments ask for. Raises the errors of the SDK."""
    records_app(list(arguments), prog_name="wanllmdb records")
