"""The object store: keys to bytes. The only module that uses S3.

`STORAGES["artifacts"]` says which store. Its backend is django-storages' `S3Storage`, which has connection, bucket,
`delete` and `url`; the functions here add what it lacks: signed PUTs, multipart uploads, ranges, batch deletion. They
need size and ETag of a file by one HEAD, and its bytes as they come: `size`, `exists` and `open` give neither.

Every verb raises `errors.StoreUnavailable` when the store does not respond. Workers and commands wait for it, and try
again; a web process, whose threads all others wait for, does so for a few seconds, and once it got no response refuses
at once for a while. Signed URLs are for the public endpoint and live `SIGNED_URL_LIFE`; everything else goes to the
internal one.
"""

import base64
import hashlib
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any, BinaryIO

import boto3
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError
from botocore.httpsession import URLLib3Session
from django.conf import settings
from django.core.cache import cache
from django.core.files.storage import storages
from django.utils.functional import cached_property
from django.utils.http import content_disposition_header, parse_http_date_safe
from storages.backends.s3 import S3Storage

from artifacts import errors
from core.circuit_breaker import CircuitBreaker
from core.metrics import SIGNED_URLS

# How long a presigned URL is valid, for reading and for writing. `ORPHAN_GRACE` is longer.
SIGNED_URL_LIFE = timedelta(hours=1)
# What S3 allows.
MAX_PUT = 5 * 2**30
MIN_PART = 5 * 2**20
MAX_PARTS = 10_000
MAX_OBJECT = 5 * 2**40

CHUNK = 2**20
TOO_SHORT = "The object store has fewer bytes than were sent to it."
_DELETE_BATCH_SIZE = 1000
# In bytes a second.
_SLOWEST_COPY = 16 * 2**20
_CHECKSUM_HEADER = "x-amz-checksum-sha256"
# For how long a store is believed to do what it did when it was tried.
_TRIED_FOR = timedelta(minutes=10)
_RESPONSE_HEADERS = {
    "ResponseContentType": "application/octet-stream",
    "ResponseContentEncoding": "identity",
    "ResponseContentLanguage": "und",
    "ResponseCacheControl": "private, no-store",
    "ResponseExpires": "Thu, 01 Jan 1970 00:00:00 GMT",
}

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


@dataclass(frozen=True)
class SignedPut:
    """A URL to PUT to, with the headers that must be sent along, to the letter."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ObjectInfo:
    key: str
    size: int
    etag: str


def get_upload_url(key: str, size: int, sha256: str | None = None) -> SignedPut:
    """A URL that takes exactly `size` bytes, and where sha256 is given (hex), only those bytes."""
    return _sign_put("put_object", {"Key": key}, size, sha256)


def get_part_url(key: str, upload_id: str, number: int, size: int, sha256: str | None = None) -> SignedPut:
    """The same for one part of a multipart upload; the first part is number 1."""
    return _sign_put("upload_part", {"Key": key, "UploadId": upload_id, "PartNumber": number}, size, sha256)


def get_download_url(key: str, file_name: str | None = None) -> str:
    """A URL that reads the object, as an attachment of that name; it honours `Range`.

    Whatever headers an upload brought along, which its signature does not cover, the response has these instead.
    """
    disposition = content_disposition_header(True, file_name or key.rsplit("/", 1)[-1])
    SIGNED_URLS.labels("get_object").inc()
    return _public().url(key, _RESPONSE_HEADERS | {"ResponseContentDisposition": disposition}, _expires_in())


def get_image_url(key: str, type: str) -> str:
    """A URL that shows the object as an image: `type` must be a type that can hold no scripts."""
    SIGNED_URLS.labels("get_object").inc()
    headers = {"ResponseContentType": type, "ResponseContentDisposition": "inline"}
    return _public().url(key, _RESPONSE_HEADERS | headers, _expires_in())


def upload_file(key: str, body: bytes | BinaryIO) -> None:
    with _translate_errors():
        _client().put_object(Bucket=_bucket_name(), Key=key, Body=body)


def download_file(key: str, offset: int = 0, size: int | None = None) -> Iterator[bytes]:
    """The object's bytes, or `size` of them from `offset`, in chunks of at most 1 MiB.

    `Missing` where there is no object, or none that is so long; where it ends in between, there are fewer bytes.
    """
    if size == 0:
        return
    params = {"Bucket": _bucket_name(), "Key": key}
    if offset or size is not None:
        params["Range"] = f"bytes={offset}-{'' if size is None else offset + size - 1}"
    with _translate_errors():
        body = _client().get_object(**params)["Body"]
        with body:
            yield from body.iter_chunks(CHUNK)


def copy_file(source: ObjectInfo, key: str) -> None:
    """Copy up to 5 GiB inside the store, if the source is still this one: `BytesMismatch` if not, or `Missing`.

    The bytes alone: headers that were sent along with them stay behind.
    """
    with _translate_errors():
        _client_for_copies(source.size).copy_object(
            Bucket=_bucket_name(),
            Key=key,
            CopySource={"Bucket": _bucket_name(), "Key": source.key},
            CopySourceIfMatch=f'"{source.etag}"',
            MetadataDirective="REPLACE",
            ContentType="application/octet-stream",
        )


def delete_file(key: str) -> None:
    """Deleting what is not there is no error."""
    with _translate_errors():
        storages["artifacts"].delete(key)


def delete_files(keys: Iterable[str]) -> dict[str, str]:
    """Delete the objects; returns those that the store did not delete, each with its message."""
    keys = list(keys)
    failures: dict[str, str] = {}
    for start in range(0, len(keys), _DELETE_BATCH_SIZE):
        batch = [{"Key": key} for key in keys[start : start + _DELETE_BATCH_SIZE]]
        with _translate_errors():
            response = _client().delete_objects(Bucket=_bucket_name(), Delete={"Objects": batch, "Quiet": True})
        failures |= {
            error["Key"]: error.get("Message") or error.get("Code", "")
            for error in response.get("Errors", ())
            if error.get("Code") != "NoSuchKey"
        }
    return failures


def list_files(prefix: str) -> Iterator[ObjectInfo]:
    """Every object under the prefix, a request for each thousand."""
    with _translate_errors():
        pages = _client().get_paginator("list_objects_v2").paginate(Bucket=_bucket_name(), Prefix=prefix)
        for page in pages:
            for entry in page.get("Contents", ()):
                yield ObjectInfo(entry["Key"], entry["Size"], entry["ETag"].strip('"'))


def get_file_info(key: str) -> ObjectInfo | None:
    """Size in bytes and ETag of an object, None where there is none."""
    try:
        with _translate_errors():
            head = _client().head_object(Bucket=_bucket_name(), Key=key)
    except errors.Missing:
        return None
    return ObjectInfo(key, head["ContentLength"], head["ETag"].strip('"'))


def begin_multipart(key: str) -> str:
    with _translate_errors():
        return _client().create_multipart_upload(Bucket=_bucket_name(), Key=key)["UploadId"]


def list_parts(key: str, upload_id: str) -> dict[int, ObjectInfo]:
    """The parts that have arrived, by number. `Missing` when the upload is not open (any more)."""
    with _translate_errors():
        pages = _client().get_paginator("list_parts").paginate(Bucket=_bucket_name(), Key=key, UploadId=upload_id)
        return {
            part["PartNumber"]: ObjectInfo(key, part["Size"], part["ETag"].strip('"'))
            for page in pages
            for part in page.get("Parts", ())
        }


def open_multiparts(prefix: str) -> Iterator[tuple[str, str]]:
    """Key and upload id of every upload in parts under the prefix that was neither completed nor aborted."""
    with _translate_errors():
        pages = _client().get_paginator("list_multipart_uploads").paginate(Bucket=_bucket_name(), Prefix=prefix)
        for page in pages:
            for upload in page.get("Uploads", ()):
                yield upload["Key"], upload["UploadId"]


def complete_multipart(key: str, upload_id: str, etags: dict[int, str]) -> None:
    """Make the object of its parts. `Missing` when the upload is not open, `BytesMismatch` when a part is not right."""
    parts = [{"PartNumber": number, "ETag": f'"{etags[number]}"'} for number in sorted(etags)]
    with _translate_errors():
        _client().complete_multipart_upload(
            Bucket=_bucket_name(), Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}
        )


def abort_multipart(key: str, upload_id: str) -> None:
    try:
        with _translate_errors():
            _client().abort_multipart_upload(Bucket=_bucket_name(), Key=key, UploadId=upload_id)
    except errors.Missing:
        return


def ensure_bucket() -> None:
    """The bucket is there after this, made if it was not."""
    try:
        with _translate_errors():
            _client().head_bucket(Bucket=_bucket_name())
    except errors.Missing:
        with _translate_errors():
            storages["artifacts"].bucket.create()


def ensure_cors(origins: Iterable[str]) -> bool:
    """Let pages of these origins send to and read from signed URLs; False where the store has no such rule to set.

    A store that knows no rules for a bucket answers browsers by its own configuration.
    """
    rule = {
        "AllowedOrigins": list(origins),
        "AllowedMethods": ["GET", "HEAD", "PUT"],
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 3600,
    }
    with _translate_errors():
        try:
            _client().put_bucket_cors(Bucket=_bucket_name(), CORSConfiguration={"CORSRules": [rule]})
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in ("NotImplemented", "AccessDenied"):
                return False
            raise
    return True


def ping() -> None:
    """Returns if the bucket answers, within about a second; what it finds is known to all that would wait for it."""
    with _translate_errors(is_probe=True):
        _with_short_timeouts().client.head_bucket(Bucket=_bucket_name())


def enforces_checksums() -> bool:
    """Whether this store refuses a body that is not of the sha256 in its signed URL: tried, not taken on trust.

    Tried anew every ten minutes, for the store may be another by then. False while it cannot be tried.
    """
    options = repr(settings.STORAGES["artifacts"]["OPTIONS"])
    cache_key = f"enforces-checksums-{hashlib.sha256(options.encode()).hexdigest()}"
    known = cache.get(cache_key)
    if known is None:
        try:
            known = _try_checksums()
        except errors.StoreUnavailable:
            return False
        cache.set(cache_key, known, _TRIED_FOR.total_seconds())
    return known


def _try_checksums() -> bool:
    """Send a body other than the one a URL is signed for, with the header of its sha256 and without."""
    key, body = f"probes/{uuid.uuid4()}", b"probe"
    checksum = _base64_checksum(hashlib.sha256(b"other").hexdigest())
    params = {"Bucket": _bucket_name(), "Key": key, "ContentLength": len(body), "ChecksumSHA256": checksum}
    url = _with_short_timeouts().client.generate_presigned_url("put_object", Params=params, ExpiresIn=60)
    length = {"Content-Length": str(len(body))}
    statuses = [_put(url, body, length | headers) for headers in ({_CHECKSUM_HEADER: checksum}, {})]
    if any(200 <= status < 300 for status in statuses):
        delete_file(key)
        return False
    if all(400 <= status < 500 for status in statuses):
        return True
    raise errors.StoreUnavailable(_NO_RESPONSE)


def _put(url: str, body: bytes, headers: dict[str, str]) -> int:
    """The status of the response, as a client that holds the signed URL gets it."""
    with _translate_errors():
        session = URLLib3Session(timeout=(1, 5))
        return session.send(AWSRequest("PUT", url, headers, body).prepare()).status_code


def _sign_put(operation: str, params: dict[str, Any], size: int, checksum: str | None) -> SignedPut:
    SIGNED_URLS.labels(operation).inc()
    params |= {"Bucket": _bucket_name(), "ContentLength": size}
    headers = {}
    if checksum:
        params["ChecksumSHA256"] = headers[_CHECKSUM_HEADER] = _base64_checksum(checksum)
    url = _public().client.generate_presigned_url(operation, Params=params, ExpiresIn=_expires_in())
    return SignedPut(url, headers)


def _base64_checksum(sha256: str) -> str:
    """A sha256 in hex as the store's header has it."""
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def _expires_in() -> int:
    return int(SIGNED_URL_LIFE.total_seconds())


def _client() -> Any:
    return storages["artifacts"].client


def _client_for_copies(size: int) -> Any:
    """The store answers when it has copied, so how long that is waited for depends on the size."""
    seconds = size // _SLOWEST_COPY
    return _with_patience(1 << (seconds + 4).bit_length()).client if seconds else _client()


def _bucket_name() -> str:
    return storages["artifacts"].bucket_name


@lru_cache
def _public() -> ArtifactStorage:
    """Signs for the endpoint that clients know; it sends nothing."""
    return _variant(endpoint_url=settings.S3_PUBLIC_ENDPOINT_URL)


@lru_cache
def _with_short_timeouts() -> ArtifactStorage:
    short = Config(connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1})
    return _variant(client_config=ArtifactStorage.client_config.merge(short))


@lru_cache
def _with_patience(seconds: int) -> ArtifactStorage:
    patient = Config(read_timeout=seconds, retries={"mode": "standard", "total_max_attempts": 1})
    return _variant(client_config=ArtifactStorage.client_config.merge(patient))


def _variant(**options: Any) -> ArtifactStorage:
    configured = settings.STORAGES["artifacts"]
    return storages.create_storage(configured | {"OPTIONS": configured["OPTIONS"] | options})


@contextmanager
def _translate_errors(*, is_probe: bool = False) -> Iterator[None]:
    """Turn errors of the store, or of the connection to it, into ours; refuse where it did not respond just now."""
    if settings.IS_WEB_PROCESS and not (_breaker.allows() or is_probe):
        raise errors.StoreUnavailable(_NO_RESPONSE)
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
        raise errors.StoreUnavailable(_NO_RESPONSE) from error
    except BotoCoreError as error:
        _breaker.record_failure()
        raise errors.StoreUnavailable(_NO_RESPONSE) from error


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
_NO_RESPONSE = "The object store does not respond. Nothing was changed: try again in a moment."
