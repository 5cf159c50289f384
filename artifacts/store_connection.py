"""The connection to the object store: which store, how long anybody waits for it, and what its errors mean.

`STORAGES["artifacts"]` says which store. Workers and commands wait for it, and try again; a web process, whose threads
all others wait for, does so for a few seconds, and once it got no response refuses at once for a while.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError
from django.conf import settings
from django.core.files.storage import storages
from django.utils.functional import cached_property
from django.utils.http import parse_http_date_safe
from storages.backends.s3 import S3Storage

from artifacts import errors, signature_v4
from artifacts.signature_v4 import Presigner
from core.circuit_breaker import CircuitBreaker

TOO_SHORT = "The object store has fewer bytes than were sent to it."
# In bytes a second.
_SLOWEST_COPY = 16 * 2**20
# S3 refuses signatures that are older or newer than a quarter of an hour. Dates in headers are in whole seconds.
_SKEW_ACCEPTED = timedelta(minutes=15, seconds=-2)

_connecting = threading.Lock()
# How long a web process refuses after the store did not respond.
_REFUSE_SECONDS = 5.0
_breaker = CircuitBreaker(_REFUSE_SECONDS)


class ArtifactStorage(S3Storage):
    """`S3Storage` with one connection for all threads, and with no credentials but those it is given."""

    # Otherwise taken from AWS_S3_SESSION_PROFILE, which may be there for another program, and refused beside a key.
    session_profile = None
    # Where there is a client_config, S3Storage ignores its own signature_version, addressing_style and proxies.
    client_config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        connect_timeout=3,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=32,
    )
    # What a web process waits: at most for a connection, and then for the next bytes.
    _web_config = Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 1})

    def __init__(self, **options: Any) -> None:
        if settings.IS_WEB_PROCESS:
            options = {"client_config": self.client_config.merge(self._web_config)} | options
        super().__init__(**options)

    @cached_property
    def connection(self) -> Any:
        """S3Storage makes one in each thread, from a session of its own: 0.1 s and 12 MiB every time."""
        # Threads may share a client, but may not make two from one session at the same time.
        with _connecting:
            resource = boto3.resource(
                "s3",
                endpoint_url=self.endpoint_url,
                region_name=self.region_name,
                aws_access_key_id=self.access_key,
                aws_secret_access_key=self.secret_key,
                config=self.client_config,
            )
        resource.meta.client.meta.events.register_first("needs-retry.s3", _retry_on_new_connection)
        return resource

    @property
    def client(self) -> Any:
        return self.connection.meta.client


def _retry_on_new_connection(attempts: int, caught_exception: Exception | None, **_: Any) -> int | None:
    """Once and at once, where the store had closed the connection since the last request: 0 seconds, else None."""
    return 0 if attempts == 1 and isinstance(caught_exception, ConnectionClosedError) else None


def client() -> Any:
    return storages["artifacts"].client


def client_for_copies(size: int) -> Any:
    """The store answers when it has copied, so how long that is waited for depends on the size."""
    seconds = size // _SLOWEST_COPY
    return _with_patience(1 << (seconds + 4).bit_length()).client if seconds else client()


def bucket_name() -> str:
    return storages["artifacts"].bucket_name


@lru_cache
def public() -> ArtifactStorage:
    """Signs for the endpoint that clients know; it sends nothing."""
    return _variant(endpoint_url=settings.S3_PUBLIC_ENDPOINT_URL)


def presign(
    method: str,
    key: str,
    life: timedelta,
    *,
    query: tuple[tuple[str, str], ...] = (),
    headers: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """A URL of the public endpoint for one method; `headers`, in small letters, must be sent along to the letter."""
    store = public()
    names = tuple(sorted(headers))
    presigner = _presigner(store, _signing_credentials(store), method, int(time.time()), life, query, names)
    return presigner.url(f"{_root(store.bucket_name)}{quote(key)}", *[headers[name] for name in names])


def presign_reads(keys: Iterable[str], life: timedelta, *, query: tuple[tuple[str, str], ...]) -> list[str]:
    """The same for very many objects: URLs that read them."""
    store = public()
    root = _root(store.bucket_name)
    presigner = _presigner(store, _signing_credentials(store), "GET", int(time.time()), life, query, ())
    return [presigner.url(f"{root}{quote(key)}") for key in keys]


@lru_cache
def _root(bucket: str) -> str:
    """The path under which the keys of a bucket are."""
    return f"/{quote(bucket, safe='')}/"


@lru_cache(maxsize=64)
def _presigner(
    store: ArtifactStorage,
    credentials: tuple[str, str, str | None],
    method: str,
    second: int,
    life: timedelta,
    query: tuple[tuple[str, str], ...],
    header_names: tuple[str, ...],
) -> Presigner:
    """Of the URLs that are asked for in one second most have all this in common."""
    access_key, secret_key, token = credentials
    now = datetime.fromtimestamp(second, UTC)
    signer = signature_v4.s3_signer(access_key, secret_key, store.region_name or "us-east-1", f"{now:%Y%m%d}")
    return Presigner(
        signer,
        method,
        store.endpoint_url.rstrip("/"),
        query=(*query, ("X-Amz-Security-Token", token)) if token else query,
        now=now,
        life=life,
        header_names=header_names,
    )


def _signing_credentials(store: ArtifactStorage) -> tuple[str, str, str | None]:
    """Access key, secret and session token: those of the settings, else what boto3 finds on this machine."""
    if store.access_key and store.secret_key:
        return store.access_key, store.secret_key, None
    found = ambient_credentials()
    if found is None:
        raise errors.StoreUnavailable(_REFUSES_CREDENTIALS)
    return found.access_key, found.secret_key, found.token


@lru_cache
def with_short_timeouts() -> ArtifactStorage:
    short = Config(connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1})
    return _variant(client_config=ArtifactStorage.client_config.merge(short))


@lru_cache
def _with_patience(seconds: int) -> ArtifactStorage:
    patient = Config(read_timeout=seconds, retries={"mode": "standard", "total_max_attempts": 1})
    return _variant(client_config=ArtifactStorage.client_config.merge(patient))


def ambient_credentials() -> Any:
    """What this machine has for S3 beside the settings, by boto3's rules: variables, files, its role. None for nothing.

    Only for external stores that an operator lets use them. Raises `StoreUnavailable` where they cannot be renewed.
    """
    found = _find_ambient_credentials()
    try:
        return found and found.get_frozen_credentials()
    except BotoCoreError as error:
        raise errors.StoreUnavailable("The server's own credentials for S3 cannot be renewed just now.") from error


@lru_cache
def _find_ambient_credentials() -> Any:
    with _connecting:
        return boto3.Session().get_credentials()


def _variant(**options: Any) -> ArtifactStorage:
    configured = settings.STORAGES["artifacts"]
    return storages.create_storage(configured | {"OPTIONS": configured["OPTIONS"] | options})


@contextmanager
def translate_errors(*, is_probe: bool = False) -> Iterator[None]:
    """Turn errors of the store, or of the connection to it, into ours; refuse where it did not respond just now."""
    if settings.IS_WEB_PROCESS and not (_breaker.allows() or is_probe):
        raise errors.StoreUnavailable(NO_RESPONSE)
    try:
        yield
        _breaker.record_response()
    except ClientError as error:
        _breaker.record_response()
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status == 404 or code in ("NoSuchKey", "NoSuchUpload", "NoSuchBucket", "404", "InvalidRange"):
            raise errors.Missing("The object does not exist in the object store.") from error
        if status == 416:
            raise errors.Missing(TOO_SHORT) from error
        if code in (
            "BadDigest",
            "XAmzContentChecksumMismatch",
            "InvalidPart",
            "InvalidPartOrder",
            "EntityTooSmall",
            "PreconditionFailed",
        ):
            raise errors.BytesMismatch(f"The object store refused the bytes: {code}.") from error
        if status == 403:
            _raise_clock_skew(error, code)
            raise errors.StoreUnavailable(_REFUSES_CREDENTIALS) from error
        if 400 <= status < 500 and status not in (408, 429):
            raise
        raise errors.StoreUnavailable(NO_RESPONSE) from error
    except BotoCoreError as error:
        _breaker.record_failure()
        raise errors.StoreUnavailable(NO_RESPONSE) from error


def _raise_clock_skew(error: ClientError, code: str) -> None:
    """Raise `ClockSkew` where that is why the store refuses. A response to HEAD has no code, but it has a date."""
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    store_time = parse_http_date_safe(headers.get("date", ""))
    seconds = abs(time.time() - store_time) if store_time else 0
    if code == "RequestTimeTooSkewed" or seconds > _SKEW_ACCEPTED.total_seconds():
        by = f"by {round(seconds / 60)} minutes" if seconds else "by more than 15 minutes"
        raise errors.ClockSkew(
            f"The clocks of this server and of the object store differ {by}, so the store refuses its requests: "
            "synchronize both with NTP."
        ) from error


_REFUSES_CREDENTIALS = (
    "The object store refuses this server's credentials: check S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY."
)
NO_RESPONSE = "The object store does not respond. Nothing was changed: try again in a moment."
