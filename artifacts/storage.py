"""The object store: keys to bytes. With its connection, the only module that uses S3.

django-storages' `S3Storage` has connection, bucket, `delete` and `url`; the functions here add what it lacks: signed
PUTs, multipart uploads, ranges, batch deletion. They need size and ETag of a file by one HEAD, and its bytes as they
come: `size`, `exists` and `open` give neither.

Every function raises `errors.StoreUnavailable` when the store does not respond. Signed URLs are for the public endpoint
and live `SIGNED_URL_LIFE`; everything else goes to the internal one.
"""

import hashlib
import uuid
from binascii import b2a_base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import BinaryIO

from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session
from django.conf import settings
from django.core.cache import cache
from django.core.files.storage import storages
from django.utils.http import content_disposition_header, parse_http_date_safe

from artifacts import errors
from artifacts.store_connection import (
    NO_RESPONSE,
    bucket_name,
    client,
    client_for_copies,
    presign,
    presign_reads,
    translate_errors,
    with_short_timeouts,
)
from core.metrics import SIGNED_URLS

# How long a presigned URL is valid, for reading and for writing. `ORPHAN_GRACE` is longer.
SIGNED_URL_LIFE = timedelta(hours=1)
# What S3 allows.
MAX_PUT = 5 * 2**30
MIN_PART = 5 * 2**20
MAX_PARTS = 10_000
MAX_OBJECT = 5 * 2**40

CHUNK = 2**20
_DELETE_BATCH_SIZE = 1000
_CHECKSUM_HEADER = "x-amz-checksum-sha256"
# For how long a store is believed to do what it did when it was tried.
_TRIED_FOR = timedelta(minutes=10)
_SIGNED_GETS = SIGNED_URLS.labels("get_object")
_SIGNED_PUTS = {operation: SIGNED_URLS.labels(operation) for operation in ("put_object", "upload_part")}
_RESPONSE_HEADERS = (
    ("response-content-type", "application/octet-stream"),
    ("response-content-encoding", "identity"),
    ("response-content-language", "und"),
    ("response-cache-control", "private, no-store"),
    ("response-expires", "Thu, 01 Jan 1970 00:00:00 GMT"),
)
_AS_ATTACHMENT = (*_RESPONSE_HEADERS, ("response-content-disposition", "attachment"))


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
    return _sign_put("put_object", key, (), size, sha256)


def get_open_upload_url(key: str) -> str:
    """A URL that takes whatever bytes are sent to it, for clients that do not say what they will send."""
    SIGNED_URLS.labels("put_object").inc()
    return presign("PUT", key, SIGNED_URL_LIFE)


def get_part_url(key: str, upload_id: str, number: int, size: int, sha256: str | None = None) -> SignedPut:
    """The same for one part of a multipart upload; the first part is number 1."""
    return _sign_put("upload_part", key, (("uploadId", upload_id), ("partNumber", str(number))), size, sha256)


def get_upload_url_by_md5(key: str, md5: str, mime_type: str) -> SignedPut:
    """A URL that takes only bytes of this md5 (hex), however many they are, and keeps them as of this media type."""
    _SIGNED_PUTS["put_object"].inc()
    headers = {"Content-MD5": _base64_of(md5), "Content-Type": mime_type}
    signed = {name.lower(): value for name, value in headers.items()}
    return SignedPut(presign("PUT", key, SIGNED_URL_LIFE, headers=signed), headers)


def get_part_url_by_md5(key: str, upload_id: str, number: int, md5: str) -> SignedPut:
    """The same for one part of a multipart upload."""
    _SIGNED_PUTS["upload_part"].inc()
    headers = {"Content-MD5": _base64_of(md5)}
    query = (("uploadId", upload_id), ("partNumber", str(number)))
    signed = {"content-md5": headers["Content-MD5"]}
    return SignedPut(presign("PUT", key, SIGNED_URL_LIFE, query=query, headers=signed), headers)


def get_download_url(key: str, file_name: str | None = None) -> str:
    """A URL that reads the object, as an attachment of that name, else of the key's last one; it honours `Range`.

    Whatever headers an upload brought along, which its signature does not cover, the response has these instead.
    """
    if not file_name:
        return _sign_get(key, _AS_ATTACHMENT)
    disposition = content_disposition_header(True, file_name)
    return _sign_get(key, (*_RESPONSE_HEADERS, ("response-content-disposition", disposition)))


def get_download_urls(keys: Sequence[str]) -> list[str]:
    """The same for very many objects, in this order, at a third of the cost."""
    _SIGNED_GETS.inc(len(keys))
    return presign_reads(keys, SIGNED_URL_LIFE, query=_AS_ATTACHMENT)


def get_inline_url(key: str, type: str) -> str:
    """A URL that shows the object in the browser: `type` must be a media type that can hold no scripts."""
    shown = {**dict(_RESPONSE_HEADERS), "response-content-type": type, "response-content-disposition": "inline"}
    return _sign_get(key, tuple(shown.items()))


def upload_file(key: str, body: bytes | BinaryIO) -> None:
    with translate_errors():
        client().put_object(Bucket=bucket_name(), Key=key, Body=body)


def download_file(key: str, offset: int = 0, size: int | None = None) -> Iterator[bytes]:
    """The object's bytes, or `size` of them from `offset`, in chunks of at most 1 MiB.

    `Missing` where there is no object, or none that is so long; where it ends in between, there are fewer bytes.
    """
    if size == 0:
        return
    params = {"Bucket": bucket_name(), "Key": key}
    if offset or size is not None:
        params["Range"] = f"bytes={offset}-{'' if size is None else offset + size - 1}"
    with translate_errors():
        body = client().get_object(**params)["Body"]
        with body:
            yield from body.iter_chunks(CHUNK)


def copy_file(source: ObjectInfo, key: str) -> None:
    """Copy up to 5 GiB inside the store, if the source is still this one: `BytesMismatch` if not, or `Missing`.

    Of a source without an ETag, whatever is there. The bytes alone: headers that were sent along with them stay behind.
    """
    condition = {"CopySourceIfMatch": f'"{source.etag}"'} if source.etag else {}
    with translate_errors():
        client_for_copies(source.size).copy_object(
            Bucket=bucket_name(),
            Key=key,
            CopySource={"Bucket": bucket_name(), "Key": source.key},
            **condition,
            MetadataDirective="REPLACE",
            ContentType="application/octet-stream",
        )


def delete_file(key: str) -> None:
    """Deleting what is not there is no error."""
    with translate_errors():
        storages["artifacts"].delete(key)


def delete_files(keys: Iterable[str]) -> dict[str, str]:
    """Delete the objects; returns those that the store did not delete, each with its message."""
    keys = list(keys)
    failures: dict[str, str] = {}
    for start in range(0, len(keys), _DELETE_BATCH_SIZE):
        batch = [{"Key": key} for key in keys[start : start + _DELETE_BATCH_SIZE]]
        with translate_errors():
            response = client().delete_objects(Bucket=bucket_name(), Delete={"Objects": batch, "Quiet": True})
        failures |= {
            error["Key"]: error.get("Message") or error.get("Code", "")
            for error in response.get("Errors", ())
            if error.get("Code") != "NoSuchKey"
        }
    return failures


def list_files(prefix: str) -> Iterator[ObjectInfo]:
    """Every object under the prefix, a request for each thousand."""
    with translate_errors():
        pages = client().get_paginator("list_objects_v2").paginate(Bucket=bucket_name(), Prefix=prefix)
        for page in pages:
            for entry in page.get("Contents", ()):
                yield ObjectInfo(entry["Key"], entry["Size"], entry["ETag"].strip('"'))


def get_file_info(key: str) -> ObjectInfo | None:
    """Size in bytes and ETag of an object, None where there is none."""
    try:
        with translate_errors():
            head = client().head_object(Bucket=bucket_name(), Key=key)
    except errors.Missing:
        return None
    return ObjectInfo(key, head["ContentLength"], head["ETag"].strip('"'))


def begin_multipart(key: str) -> str:
    with translate_errors():
        return client().create_multipart_upload(Bucket=bucket_name(), Key=key)["UploadId"]


def list_parts(key: str, upload_id: str) -> dict[int, ObjectInfo]:
    """The parts that have arrived, by number. `Missing` when the upload is not open (any more)."""
    with translate_errors():
        pages = client().get_paginator("list_parts").paginate(Bucket=bucket_name(), Key=key, UploadId=upload_id)
        return {
            part["PartNumber"]: ObjectInfo(key, part["Size"], part["ETag"].strip('"'))
            for page in pages
            for part in page.get("Parts", ())
        }


def open_multiparts(prefix: str) -> Iterator[tuple[str, str]]:
    """Key and upload id of every upload in parts under the prefix that was neither completed nor aborted."""
    with translate_errors():
        pages = client().get_paginator("list_multipart_uploads").paginate(Bucket=bucket_name(), Prefix=prefix)
        for page in pages:
            for upload in page.get("Uploads", ()):
                yield upload["Key"], upload["UploadId"]


def complete_multipart(key: str, upload_id: str, etags: dict[int, str]) -> None:
    """Make the object of its parts. `Missing` when the upload is not open, `BytesMismatch` when a part is not right."""
    parts = [{"PartNumber": number, "ETag": f'"{etags[number]}"'} for number in sorted(etags)]
    with translate_errors():
        client().complete_multipart_upload(
            Bucket=bucket_name(), Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}
        )


def abort_multipart(key: str, upload_id: str) -> None:
    try:
        with translate_errors():
            client().abort_multipart_upload(Bucket=bucket_name(), Key=key, UploadId=upload_id)
    except errors.Missing:
        return


def ensure_bucket() -> None:
    """The bucket is there after this, made if it was not."""
    try:
        with translate_errors():
            client().head_bucket(Bucket=bucket_name())
    except errors.Missing:
        with translate_errors():
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
    with translate_errors():
        try:
            client().put_bucket_cors(Bucket=bucket_name(), CORSConfiguration={"CORSRules": [rule]})
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in ("NotImplemented", "AccessDenied"):
                return False
            raise
    return True


def ping() -> int | None:
    """The time by the store's clock, in seconds since 1970, if it says so.

    Returns if the bucket answers, within about a second; what it finds is known to all that would wait for it.
    """
    with translate_errors(is_probe=True):
        head = with_short_timeouts().client.head_bucket(Bucket=bucket_name())
    return parse_http_date_safe(head["ResponseMetadata"]["HTTPHeaders"].get("date", ""))


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
    checksum = _base64_of(hashlib.sha256(b"other").hexdigest())
    params = {
        "Bucket": bucket_name(),
        "Key": key,
        "ContentLength": len(body),
        "ChecksumSHA256": checksum,
    }
    url = with_short_timeouts().client.generate_presigned_url("put_object", Params=params, ExpiresIn=60)
    length = {"Content-Length": str(len(body))}
    statuses = [_put(url, body, length | headers) for headers in ({_CHECKSUM_HEADER: checksum}, {})]
    if any(200 <= status < 300 for status in statuses):
        delete_file(key)
        return False
    if all(400 <= status < 500 for status in statuses):
        return True
    raise errors.StoreUnavailable(NO_RESPONSE)


def _put(url: str, body: bytes, headers: dict[str, str]) -> int:
    """The status of the response, as a client that holds the signed URL gets it."""
    with translate_errors():
        session = URLLib3Session(timeout=(1, 5))
        return session.send(AWSRequest("PUT", url, headers, body).prepare()).status_code


def _sign_get(key: str, query: tuple[tuple[str, str], ...]) -> str:
    _SIGNED_GETS.inc()
    return presign("GET", key, SIGNED_URL_LIFE, query=query)


def _sign_put(operation: str, key: str, query: tuple[tuple[str, str], ...], size: int, sha256: str | None) -> SignedPut:
    _SIGNED_PUTS[operation].inc()
    headers = {_CHECKSUM_HEADER: _base64_of(sha256)} if sha256 else {}
    signed = headers | {"content-length": str(size)}
    return SignedPut(presign("PUT", key, SIGNED_URL_LIFE, query=query, headers=signed), headers)


def _base64_of(sha256: str) -> str:
    """A sha256 in hex as the store's header has it."""
    return b2a_base64(bytes.fromhex(sha256), newline=False).decode()
