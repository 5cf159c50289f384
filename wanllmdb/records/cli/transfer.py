"""`wanllmdb records download`, `export` and `import`."""

from __future__ import annotations

import os
import sys
import tempfile
from enum import Enum
from pathlib import Path
from typing import IO, Annotated

import typer

from wanllmdb.records import downloads, exports
from wanllmdb.records.cli.options import Address, RecordId, find_record, number_of, opened, run
from wanllmdb.records.downloads import Download
from wanllmdb.sdk import errors
from wanllmdb.sdk.cli.options import Json
from wanllmdb.sdk.cli.output import print_result
from wanllmdb.sdk.host_environment.directories import expand


class FrameFormat(str, Enum):
    """Of a data frame that is downloaded."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def download(
    address: Address,
    record_id: RecordId,
    pointer: Annotated[
        str | None,
        typer.Option(
            "--pointer",
            "-p",
            help="What of the data, as a JSON pointer: /content, /frames/0. Default: its only payload, else /content, "
            "else all of it.",
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="A file, or - for standard output. Default: a name of its own, here."),
    ] = None,
    format: Annotated[FrameFormat | None, typer.Option("--format", "-f", help="Of a data frame. Default: CSV.")] = None,
    as_json: Json = False,
) -> None:
    """Save the bytes of a record as a file: an object, a data frame, or JSON."""

    async def find() -> Download:
        async with opened(address) as (repository, _):
            record = await find_record(repository, record_id, address)
            return await downloads.fetch(repository, record, pointer, format.value if format else None)

    found = run(find())
    if output == "-":
        sys.stdout.buffer.write(found.content)
        sys.stdout.buffer.flush()
        return
    path = Path(found.file_name) if output is None else expand(output)
    if output is None and path.exists():
        raise errors.Invalid(f"{path} exists already: name another file with --output")
    _write(path, found.content)
    result = {"path": str(path), "content_type": found.content_type, "size": len(found.content)}
    print_result(result, as_json, [f"Saved {path} ({len(found.content):,} bytes)"])


def export_records(
    address: Address,
    file: Annotated[
        str, typer.Argument(help="A file of JSON Lines, or - for standard output.", metavar="FILE|-")
    ] = "-",
    as_json: Json = False,
) -> None:
    """Write all records with their payloads as JSON Lines.

    The file appears when it is complete. Started again after an interruption, the export goes on where it was.
    """
    if file == "-":
        if as_json:
            raise errors.Invalid("Standard output has the records themselves: leave out --json")
        run(_export_to_stdout(address))
        return
    path = expand(file)

    async def export() -> int:
        async with opened(address) as (repository, hierarchy):
            return await exports.export_to_file(repository, hierarchy, path)

    count = run(export())
    print_result({"path": str(path), "records": count}, as_json, [f"Exported {number_of(count)} to {path}"])


def import_records(
    address: Address,
    file: Annotated[str, typer.Argument(help="A file of JSON Lines, or - for standard input.", metavar="FILE|-")],
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave out records whose IDs are there already.")
    ] = False,
    new_ids: Annotated[
        bool,
        typer.Option("--new-ids", help="Give each record another ID, for a copy beside those that were exported."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Create the records of an export, with their IDs and payloads: all of them, or none."""

    if new_ids and skip_existing:
        raise errors.Invalid("With --new-ids no record exists already: leave out --skip-existing")

    async def create(source: IO[bytes]) -> int:
        async with opened(address, create=True) as (repository, _):
            read = exports.with_new_ids(source) if new_ids else source
            return await exports.import_lines(repository, read, skip_existing=skip_existing)

    if file == "-":
        count = run(create(sys.stdin.buffer))
    else:
        with expand(file).open("rb") as source:
            count = run(create(source))
    print_result({"imported": count}, as_json, [f"Imported {number_of(count)}"])


async def _export_to_stdout(address: str) -> None:
    async with opened(address) as (repository, hierarchy):
        async for line in exports.export(repository, hierarchy):
            sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def _write(path: Path, content: bytes) -> None:
    """The whole file, or nothing."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        # As a new file of this user would have it; that of a temporary one is 0600.
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
