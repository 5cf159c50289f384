"""`wanllmdb cache`: what was downloaded on this machine, how much of it is kept, and whether it is still right."""

from __future__ import annotations

import re
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated

import typer

from wanllmdb.sdk import byte_sizes, errors, settings, timestamps
from wanllmdb.sdk.cli.options import Json
from wanllmdb.sdk.cli.output import print_result
from wanllmdb.sdk.console import Console
from wanllmdb.sdk.local_cache import content_eviction, contents
from wanllmdb.sdk.local_cache.content_eviction import CachedFile

_AGE = re.compile(r"(\d+)\s*([smhdw])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}

cache_app = typer.Typer(help="Look at the cache of downloaded files, check it, make it smaller.", no_args_is_help=True)
wandb_cache_app = typer.Typer(help="The same as `wanllmdb cache`, by the names of wandb.", no_args_is_help=True)


@cache_app.command("path")
def show_path(as_json: Json = False) -> None:
    """Print the directory of the cache. It can be deleted at any time."""
    path = str(contents.directory(settings.load()))
    print_result({"path": path}, as_json, [path])


@cache_app.command("info")
def show_info(as_json: Json = False) -> None:
    """Show how much is cached, and how much may be."""
    current = settings.load()
    path = contents.directory(current)
    files = _scan(path)
    count = sum(content_eviction.content_count(file) for file in files)
    size = sum(file.size for file in files)
    linked_size = sum(file.size for file in files if file.is_linked)
    used_since = datetime.fromtimestamp(files[0].used_at, timezone.utc).replace(microsecond=0) if files else None
    info = {
        "path": str(path),
        "contents": count,
        "size": size,
        "linked_size": linked_size,
        "limit": current.cache_size,
        "used_since": timestamps.to_wire(used_since) if used_since else None,
        "hard_links": current.cache_hard_links,
        "shared_caches": [str(shared) for shared in current.shared_caches],
    }
    limit = f"of {byte_sizes.describe(current.cache_size)}" if current.cache_size else "(switched off)"
    lines = [f"Cache: {path}", f"Size: {byte_sizes.describe(size)} {limit}", f"Contents: {count:,}"]
    if linked_size:
        lines.append(f"Hard links to downloaded files: {byte_sizes.describe(linked_size)}, which take no space twice")
    if files:
        lines.append(f"All of it was used since {info['used_since']}")
    lines += [f"Shared cache: {shared}" for shared in current.shared_caches]
    print_result(info, as_json, lines)


@cache_app.command("verify")
def verify_contents(as_json: Json = False) -> None:
    """Hash all that is cached, and delete what is broken. Exit code 1 if something was."""
    path = contents.directory(settings.load())
    files = _scan(path)
    broken: list[str] = []
    size = sum(file.size for file in files)
    with (
        Console(silent=as_json).transfer("cache") as transfer,
        transfer.phase("verifying", files=len(files), size=size) as on_progress,
    ):
        for file in files:
            try:
                is_correct = content_eviction.is_correct(file, on_progress)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise errors.CacheError(f"{file.path} cannot be read: {error.strerror or error}") from error
            if not is_correct:
                broken.append(str(file.path))
                content_eviction.delete(file)
    lines = [f"Deleted {path}: its bytes had changed" for path in broken]
    lines.append(f"Verified {len(files):,} files of the cache: {len(broken):,} were broken")
    print_result({"verified": len(files), "broken": broken}, as_json, lines)
    if broken:
        raise typer.Exit(1)


@cache_app.command("prune")
def prune_contents(
    size: Annotated[
        str | None, typer.Option(help="Leave this much: 10GB, 500MiB, 0 for nothing. Default: WANLLMDB_CACHE_SIZE.")
    ] = None,
    older_than: Annotated[
        str | None, typer.Option(help="Delete what was not used for so long: 30d, 12h.", metavar="AGE")
    ] = None,
    as_json: Json = False,
) -> None:
    """Delete what was not used for the longest time. Downloaded files stay where they are."""
    current = settings.load()
    limit = current.cache_size if size is None else byte_sizes.parse(size)
    path = contents.directory(current)
    contents.require_private(path)
    deleted = content_eviction.prune(path, limit, None if older_than is None else time.time() - _parse_age(older_than))
    freed = sum(file.size for file in deleted)
    left = sum(file.size for file in content_eviction.scan(path))
    line = f"Deleted {len(deleted):,} files, {byte_sizes.describe(freed)}: {byte_sizes.describe(left)} left"
    print_result({"deleted": len(deleted), "deleted_size": freed, "size": left}, as_json, [line])


@wandb_cache_app.command("cleanup")
def clean_up(
    target_size: Annotated[str, typer.Argument(help="Leave this much: 10GB.")],
    remove_temp: Annotated[
        bool, typer.Option(help="Has no effect: what interrupted downloads left is always deleted after a day.")
    ] = False,
) -> None:
    """The same as `wanllmdb cache prune --size TARGET_SIZE`."""
    prune_contents(target_size)


def _scan(path: Path) -> list[CachedFile]:
    contents.require_private(path)
    return content_eviction.scan(path)


def _parse_age(text: str) -> int:
    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise errors.Invalid(
            f"{text!r} is not an age: use a number of days, hours or weeks, as in '30d', '12h' or '2w'"
        )
    return int(match[1]) * _SECONDS[match[2]]
