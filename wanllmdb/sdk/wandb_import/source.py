"""The reading end: one project, as the official `wandb` client sees it. What it says is not trusted."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from wanllmdb.sdk import errors, timestamps

OLDEST_CLIENT = (0, 19, 11)
_READ_TIMEOUT = (10, 120)
_BLOCK_SIZE = 1 << 20
_ATTEMPTS = 3


class SourceError(errors.WanLLMDBError):
    """What the source or the official client says about something that cannot be read."""


@dataclass(frozen=True, order=True)
class VersionName:
    """A version of the source, ordered by when it was made."""

    created_at: datetime
    number: int
    artifact: str
    type: str

    @property
    def name(self) -> str:
        return f"{self.artifact}:v{self.number}"


@dataclass(frozen=True)
class Collection:
    """An artifact of the source; `is_portfolio` says that its versions are links."""

    name: str
    type: str
    is_portfolio: bool
    description: str
    tags: list[str]


def load_client() -> Any:
    """The module `wandb`. Raises `Invalid` where it is not installed, or too old."""
    advice = "`wanllmdb import wandb` reads with the official client"
    try:
        client = import_module("wandb")
    except ImportError as error:
        raise errors.Invalid(f"{advice}, which is not installed: run `pip install wandb`") from error
    version = getattr(client, "__version__", None)
    # Without one it is a directory of that name, as runs leave it behind.
    if not isinstance(version, str):
        raise errors.Invalid(f"{advice}, which is not installed: run `pip install wandb`")
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:3])
    if numbers < OLDEST_CLIENT:
        oldest = ".".join(map(str, OLDEST_CLIENT))
        raise errors.Invalid(
            f"{advice} from {oldest} on, and {version} is installed: run `pip install --upgrade wandb`"
        )
    return client


@contextmanager
def reading(subject: str) -> Iterator[None]:
    """Raises `SourceError` for whatever the official client raises."""
    try:
        yield
    except (errors.WanLLMDBError, MemoryError):
        raise
    except Exception as error:
        raise SourceError(f"{subject} cannot be read from the source: {error or type(error).__name__}") from error


class Source:
    """`project` is `entity/project`. The client's own files go to `directory`, which may be deleted afterwards."""

    def __init__(self, base_url: str, project: str, directory: Path) -> None:
        self.base_url, self.project = base_url.rstrip("/"), project
        for variable in ("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR"):
            os.environ[variable] = str(directory)
        os.environ.setdefault("WANDB_SILENT", "true")
        client = load_client()
        with reading(f"The server {self.base_url}"):
            self._api = client.Api(overrides={"base_url": self.base_url})
        self.download = Downloader(self.base_url, self._api.api_key).download

    # --- Runs ---------------------------------------------------------------------------------------------------------

    def list_runs(self) -> list[tuple[str, str]]:
        """The id and the name of each run, oldest first."""
        with reading(f"The list of runs of {self.project}"):
            runs = [(str(run.id), str(run.name or "")) for run in self._api.runs(self.project, order="+created_at")]
        return runs

    def run(self, run_id: str) -> Any:
        """The run with its config and summary."""
        with reading(f"Run {run_id}"):
            # Else the client keeps every run that it was ever asked for.
            self._api.flush()
            return self._api.run(f"{self.project}/{run_id}")

    # --- Artifacts ----------------------------------------------------------------------------------------------------

    def collections(self) -> Iterator[Collection]:
        with reading(f"The list of artifacts of {self.project}"):
            for kind in self._api.artifact_types(self.project):
                for found in kind.collections():
                    tags = [str(tag) for tag in found.tags or ()]
                    is_portfolio, description = not found.is_sequence(), str(found.description or "")
                    yield Collection(str(found.name), str(kind.name), is_portfolio, description, tags)

    def versions(self, collection: Collection) -> list[VersionName]:
        """Its versions in the order of their numbers."""
        with reading(f"The list of versions of {collection.name}"):
            found = []
            for version in self._api.artifacts(collection.type, f"{self.project}/{collection.name}"):
                number = int(str(version.version).removeprefix("v"))
                made = timestamps.parse(_with_zone(str(version.created_at)))
                found.append(VersionName(made, number, collection.name, collection.type))
        return sorted(found, key=lambda version: version.number)

    def version(self, name: VersionName) -> Any:
        with reading(name.name):
            return self._api.artifact(f"{self.project}/{name.name}", type=name.type)


class Downloader:
    """Fetches URLs that the source names. The key goes to that server alone."""

    def __init__(self, base_url: str, api_key: str | None) -> None:
        self._base_url = base_url
        self._key = ("api", api_key) if api_key else None
        self._requests = import_module("requests")  # which the official client needs

    def download(self, url: str, path: Path, size: int) -> None:
        """Write what the URL answers to the path: exactly so many bytes, or `SourceError`."""
        for is_last_attempt in [False] * (_ATTEMPTS - 1) + [True]:
            try:
                self._download(urljoin(f"{self._base_url}/", url), path, size)
                return
            except (self._requests.RequestException, _Cut, ValueError) as error:
                if is_last_attempt:
                    raise SourceError(f"The source does not send a file: {_reason(error)}") from error

    def _download(self, url: str, path: Path, size: int) -> None:
        # Where the source redirects to another host, the library drops the key.
        key = self._key if urlsplit(url)[:2] == urlsplit(self._base_url)[:2] else None
        with self._requests.get(url, auth=key or _without_key, stream=True, timeout=_READ_TIMEOUT) as response:
            response.raise_for_status()
            received = 0
            with path.open("wb") as file:
                for block in response.iter_content(_BLOCK_SIZE):
                    received += len(block)
                    if received > size:
                        raise SourceError(f"The source sends more than the {size:,} bytes that it says a file has")
                    file.write(block)
        if received < size:
            raise _Cut(f"only {received:,} of {size:,} bytes arrived")


class _Cut(Exception):
    """A connection ended early."""


def _without_key(request: Any) -> Any:
    """Else the library sends what `.netrc` has for the host, where `wandb login` stores keys, to any port of it."""
    return request


def _reason(error: Exception) -> str:
    """Without the URL, which is in what the library says: whoever has one that a store signed can read the file."""
    if isinstance(error, _Cut):
        return str(error)
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP {response.status_code} {response.reason}"
    return "it names no URL" if isinstance(error, ValueError) else type(error).__name__


def run_attribute(run: Any, name: str, default: Any = None) -> Any:
    """One of the values that the source sent of a run, under its name there."""
    value = getattr(run, "_attrs", {}).get(name)
    return default if value is None else value


def time_of(run: Any, name: str) -> str | None:
    """A time of the run as our API takes it."""
    value = run_attribute(run, name)
    return _with_zone(value) if isinstance(value, str) and value else None


def _with_zone(text: str) -> str:
    has_zone = text.endswith("Z") or re.search(r"[+-]\d\d:?\d\d\Z", text)
    return text if has_zone else f"{text}Z"


def matches(patterns: Iterable[str] | None, *names: str) -> bool:
    """Whether one of the names is like one of the patterns: all are, where there are none."""
    return patterns is None or any(fnmatchcase(name, pattern) for pattern in patterns for name in names if name)
