"""Finds out what keeps this machine from working with its server: one finding for each thing that has to be right."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from urllib3.exceptions import HTTPError

from wanllmdb.sdk import __version__, errors, settings
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.connection_errors import ObjectStoreError, origin_of
from wanllmdb.sdk.host_environment import certificates, proxies
from wanllmdb.sdk.http_client import Client, quote_segment

# In seconds. Signatures of the object store are refused from 15 minutes on.
_SKEW_NOTICED = 60.0
# A server whose object store was away for a moment refuses for some seconds.
_RETRY_PERIOD = 8.0
_MIN_FREE_BYTES = 1 << 30
_SIGNATURE_ADVICE = (
    "S3_PUBLIC_ENDPOINT_URL of the server must be the address under which clients reach the object store, and a proxy "
    "before that must pass on the header Host as it is"
)
_CLOCK_ADVICE = "Synchronize the clocks with NTP: the object store refuses signatures that are 15 minutes off"


@dataclass(frozen=True, slots=True)
class Finding:
    check: str
    status: str
    """`ok`, `warning`, `failed`, or `skipped` because of an earlier one."""
    message: str
    advice: str = ""
    """What to change, unless all is well."""


class Diagnosis:
    """Looks at one thing after the other. Leaves nothing behind, neither here nor on the server."""

    def __init__(self, connection: Connection, project: str | None = None) -> None:
        self._connection = connection
        self._base_url = connection.settings.base_url
        self._project = project
        connection.client.retry_period = _RETRY_PERIOD
        self._user: dict[str, Any] = {}
        self._server_ahead: float | None = None
        """How many seconds its clock is ahead of ours, if it is known."""

    def run(self) -> Iterator[Finding]:
        yield self._check_network()
        server = self._check_server()
        yield server
        key = self._check_key() if server.status == "ok" else _skip("key", "the server was not reached")
        yield key
        if key.status == "failed" or key.status == "skipped":
            for check in ("project", "version", "clock", "store"):
                yield _skip(check, "there is no valid key" if server.status == "ok" else "the server was not reached")
        else:
            yield self._check_project()
            yield from self._check_version_and_clock()
            yield from self._check_store()
        yield self._check_cache()

    def _check_network(self) -> Finding:
        try:
            proxy = proxies.find(self._base_url)
            if self._base_url.startswith("https"):
                certificates.create_context()
        except errors.Invalid as error:
            return Finding("network", "failed", str(error), "Correct the variable, or unset it")
        way = f"through the proxy {proxy.url}, which {proxy.source} names" if proxy else "directly, without a proxy"
        names = (*certificates.BUNDLE_VARIABLES, *certificates.OPENSSL_VARIABLES)
        trusted = [f"{name}={value}" for name, value in zip(names, certificates.variables(), strict=True) if value]
        trust = f"; trusted authorities: {', '.join(trusted)}" if trusted else ""
        return Finding("network", "ok", f"{self._base_url} is called {way}{trust}")

    def _check_server(self) -> Finding:
        advice = f"Set WANLLMDB_BASE_URL to the URL of the server, or pass it to `wanllmdb login`: now {self._base_url}"
        try:
            with Client(self._base_url, None, api_path="", is_key_optional=True).open("/healthz") as response:
                body = response.read(16)
        except (errors.WanLLMDBError, HTTPError) as error:
            return Finding("server", "failed", str(error), advice)
        if body.strip() != b"ok":
            return Finding("server", "failed", f"{self._base_url} answers, but is not a wanLLMDB server", advice)
        return Finding("server", "ok", f"{self._base_url} answers")

    def _check_key(self) -> Finding:
        try:
            self._user = self._connection.client.get("/me")
        except errors.WanLLMDBError as error:
            advice = "Create an API key on the page of your profile, and run `wanllmdb login`"
            return Finding("key", "failed", str(error), advice)
        key, user = self._user["key"] or {}, self._user["username"]
        message = f"key {key.get('name', '')!r} of {user}, {'read-only' if self._is_read_only else 'read & write'}"
        if self._is_read_only:
            advice = "To log artifacts, use a key with read & write access"
            return Finding("key", "warning", message, advice)
        return Finding("key", "ok", message)

    @property
    def _is_read_only(self) -> bool:
        return bool((self._user["key"] or {}).get("scope") == "read")

    def _check_project(self) -> Finding:
        roles = {team["name"]: team["role"] for team in self._user["teams"]}
        listed = ", ".join(f"{name} ({role})" for name, role in roles.items())
        project = self._project or self._connection.settings.project
        if project is None:
            return Finding("project", "ok", f"no project is set; teams: {listed}")
        try:
            full_name = self._connection.full_project(project)
            team, _, name = full_name.partition("/")
            found = self._connection.client.get("/projects", team=team, name=name)["items"]
        except errors.WanLLMDBError as error:
            return Finding("project", "failed", str(error), "Pass the project as team/project, or set WANLLMDB_PROJECT")
        role = roles.get(team)
        if not found and role not in ("editor", "admin"):
            advice = f"Ask for an invitation to team {team}, or use one of your teams: {listed}"
            return Finding("project", "failed", f"There is no project {full_name!r}, or you do not see it", advice)
        if not found:
            return Finding("project", "ok", f"{full_name} does not exist yet; you can create it as {role} of {team}")
        if role not in ("editor", "admin"):
            advice = f"To log artifacts, ask an admin of team {team} for the role editor"
            return Finding("project", "warning", f"{full_name} can be read, but not written to", advice)
        return Finding("project", "ok", f"{full_name} can be read and written to as {role} of {team}")

    def _check_version_and_clock(self) -> Iterator[Finding]:
        before = time.time()
        try:
            server = self._connection.client.get("/server")
        except errors.NotFound:
            message = f"The server is older than this SDK ({__version__}), and does not say its version"
            yield Finding("version", "warning", message, "Update the server")
            yield _skip("clock", "the server does not say its time")
            return
        except errors.WanLLMDBError as error:
            yield Finding("version", "failed", str(error), "Try again; if it stays so, look at the log of the server")
            yield _skip("clock", "the server does not say its time")
            return
        yield _compare_versions(server)
        after = time.time()
        self._server_ahead = datetime.fromisoformat(server["time"].replace("Z", "+00:00")).timestamp() - (
            (before + after) / 2
        )
        yield _judge_clock("clock", "this machine and the server", self._server_ahead)

    def _check_store(self) -> Iterator[Finding]:
        if self._is_read_only:
            yield _skip("store", "a read-only key cannot upload")
            return
        try:
            probe = self._connection.client.post("/store-probes", idempotent=True)
        except errors.NotFound:
            yield _skip("store", "the server is too old to sign a probe")
            return
        except errors.WanLLMDBError as error:
            advice = "Run `manage.py doctor` on the server: it does not reach its object store"
            yield Finding("store", "failed", str(error), advice)
            return
        try:
            yield from self._send_probe(probe)
        finally:
            # Else the server deletes it some hours later.
            with suppress(errors.WanLLMDBError):
                self._connection.client.delete(f"/store-probes/{quote_segment(probe['id'])}")

    def _send_probe(self, probe: dict[str, Any]) -> Iterator[Finding]:
        client, content = self._connection.client, probe["content"].encode()
        upload = probe["upload"]
        origin = origin_of(upload["url"])
        try:
            started_at = time.perf_counter()
            sent = client.send_presigned("PUT", upload["url"], upload["headers"], content)
            received = client.send_presigned("GET", probe["download_url"])
            elapsed = time.perf_counter() - started_at
        except errors.WanLLMDBError as error:
            advice = (
                f"Let this machine reach {origin}, or set S3_PUBLIC_ENDPOINT_URL of the server to an address that it "
                "does reach"
            )
            yield Finding("store", "failed", str(error), advice)
            return
        for response, url in ((sent, upload["url"]), (received, probe["download_url"])):
            if response.status >= 300:
                refusal = ObjectStoreError(url, response.status, response.data.decode("utf-8", "replace"))
                is_clock = refusal.store_code == "RequestTimeTooSkewed"
                yield Finding("store", "failed", str(refusal), _CLOCK_ADVICE if is_clock else _SIGNATURE_ADVICE)
                return
        if received.data != content:
            advice = "Something between this machine and the object store changes what passes, such as a caching proxy"
            yield Finding("store", "failed", f"{origin} gave back other bytes than were sent", advice)
            return
        proxy = proxies.find(upload["url"])
        way = f" through the proxy {proxy.url}" if proxy else ""
        message = f"{origin} took a file and gave it back{way}, in {elapsed * 1000:.0f} ms"
        yield Finding("store", "ok", message)
        yield from self._judge_store_clock(sent.headers.get("Date"))

    def _judge_store_clock(self, date: str | None) -> Iterator[Finding]:
        if date is None or self._server_ahead is None:
            return
        store_ahead = parsedate_to_datetime(date).timestamp() - time.time()
        yield _judge_clock("store clock", "the server and the object store", store_ahead - self._server_ahead)

    def _check_cache(self) -> Finding:
        directory = self._connection.settings.cache_dir
        advice = "Set WANLLMDB_CACHE_DIR to a directory that this user can write to"
        # Which is only made once there is something to cache.
        existing = next(path for path in (directory, *directory.parents) if path.exists())
        try:
            with tempfile.TemporaryFile(dir=existing):
                pass
            free = shutil.disk_usage(existing).free
        except OSError as error:
            message = f"{directory} cannot be written to, so nothing is cached: {error.strerror or error}"
            return Finding("cache", "warning", message, advice)
        message = f"{directory} can be written to; {free / (1 << 30):,.1f} GiB are free on its disk"
        if free < _MIN_FREE_BYTES:
            return Finding("cache", "warning", message, f"Free some space there, or {advice[0].lower()}{advice[1:]}")
        return Finding("cache", "ok", message)


def configured_mode() -> Finding | None:
    """A warning where programs on this machine would not use the server at all."""
    mode = settings.load().mode
    if mode == "online":
        return None
    return Finding("mode", "warning", f"The mode is {mode!r}", "Programs send nothing until WANLLMDB_MODE is `online`")


def _compare_versions(server: dict[str, Any]) -> Finding:
    message = f"SDK {__version__}, server {server['version']}"
    if _numbers(__version__) < _numbers(server["oldest_client_version"]):
        return Finding("version", "failed", message, "Update the SDK: `pip install --upgrade wanllmdb`")
    if _numbers(__version__)[:2] > _numbers(server["version"])[:2]:
        advice = f"Update the server, or install `wanllmdb~={server['version']}`"
        return Finding("version", "warning", f"{message}: the server is older", advice)
    return Finding("version", "ok", message)


def _numbers(version: str) -> tuple[int, ...]:
    """`0.10.2` sorts after `0.9`; what is no number counts as 0."""
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))


def _judge_clock(check: str, whose: str, seconds: float) -> Finding:
    message = f"the clocks of {whose} differ by {abs(seconds):.0f} s"
    if abs(seconds) < _SKEW_NOTICED:
        return Finding(check, "ok", message)
    return Finding(check, "warning", message, _CLOCK_ADVICE)


def _skip(check: str, reason: str) -> Finding:
    return Finding(check, "skipped", reason)
