"""Signed URLs that read an object in a store of others for an hour: computed here, nobody is asked.

S3 (AWS Signature Version 4) and Google Cloud Storage (V4 signing process) have one algorithm under two names; Azure has
shared access signatures. Written here, for no library signs for all three what pins an object to its version: obstore
takes no query parameters, and boto3 knows S3 alone.

- https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
- https://cloud.google.com/storage/docs/authentication/signatures
- https://learn.microsoft.com/rest/api/storageservices/create-service-sas
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from django.utils import timezone
from django.utils.http import content_disposition_header

from artifacts.references import credentials
from artifacts.references.credentials import AccessKey, AccountKey, Credentials, ServiceAccount
from artifacts.references.uris import Provider

URL_LIFE = timedelta(hours=1)
_PORTS = {"http": 80, "https": 443}
_AZURE_VERSION = "2022-11-02"
_HOST_LABEL = re.compile(r"[a-z0-9-]{1,63}")


@dataclass(frozen=True, slots=True)
class StoredAt:
    """Where an object is: its store's kind and endpoint ("" for the cloud's own), bucket (of Azure the container), key.

    Without a key it is the bucket itself. `version_id` pins a version of the object: S3's version id, Google's
    generation, Azure's version id.
    """

    provider: Provider
    bucket: str
    key: str
    endpoint: str = ""
    region: str = ""
    account: str = ""
    version_id: str = ""

    @property
    def base_url(self) -> str:
        """Scheme and host, and what path the endpoint has, without a slash at its end."""
        if self.endpoint:
            return self.endpoint.rstrip("/")
        if self.provider == Provider.GCS:
            return "https://storage.googleapis.com"
        if self.provider == Provider.AZURE:
            return f"https://{self.account}.blob.core.windows.net"
        domain = f"s3.{self.aws_region}.amazonaws.com" + (".cn" if self.aws_region.startswith("cn-") else "")
        return f"https://{self.bucket}.{domain}" if self._is_virtual_hosted else f"https://{domain}"

    @property
    def path(self) -> str:
        """The part of the URL after `base_url`, encoded."""
        bucket = "" if self._is_virtual_hosted else f"/{quote(self.bucket, safe='')}"
        return bucket + ("/" if self.key or not bucket else "") + quote(self.key, safe="/")

    @property
    def aws_region(self) -> str:
        return self.region or "us-east-1"

    @property
    def _is_virtual_hosted(self) -> bool:
        # The certificate of AWS does not cover names with a dot, and old buckets may have names that no host can have.
        return self.provider == Provider.S3 and not self.endpoint and bool(_HOST_LABEL.fullmatch(self.bucket))


class _V4(NamedTuple):
    """What S3 and Google call the parts of the one algorithm."""

    prefix: str
    algorithm: str
    credential: str
    scope: str
    sign: Callable[[bytes], str]


def read_url(
    stored: StoredAt,
    access: Credentials | None,
    *,
    method: str = "GET",
    file_name: str = "",
    now: datetime | None = None,
    **query: str,
) -> str:
    """A URL for one method that is valid for `URL_LIFE`; without credentials the plain one, for public objects.

    With `file_name` a signed GET is answered as an attachment of that name. `query` is signed along.
    """
    now = now or timezone.now()
    query = _version_query(stored) | {name.replace("_", "-"): value for name, value in query.items()}
    disposition = content_disposition_header(True, file_name) if file_name and access else ""
    if isinstance(access, AccountKey):
        return _azure_url(stored, access, disposition or "", now, query)
    if disposition:
        query["response-content-disposition"] = disposition
    if access is None:
        return _url(stored, _encoded(query))
    v4 = _of_service_account(access, now) if isinstance(access, ServiceAccount) else _of_access_key(stored, access, now)
    if isinstance(access, AccessKey) and access.session_token:
        query["X-Amz-Security-Token"] = access.session_token
    return _v4_url(stored, method, v4, now, query)


def _version_query(stored: StoredAt) -> dict[str, str]:
    names = {Provider.S3: "versionId", Provider.GCS: "generation", Provider.AZURE: "versionid"}
    return {names[stored.provider]: stored.version_id} if stored.version_id else {}


def _v4_url(stored: StoredAt, method: str, v4: _V4, now: datetime, query: dict[str, str]) -> str:
    base = urlsplit(stored.base_url)
    stamp = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    query = query | {
        f"X-{v4.prefix}-Algorithm": v4.algorithm,
        f"X-{v4.prefix}-Credential": f"{v4.credential}/{v4.scope}",
        f"X-{v4.prefix}-Date": stamp,
        f"X-{v4.prefix}-Expires": str(int(URL_LIFE.total_seconds())),
        f"X-{v4.prefix}-SignedHeaders": "host",
    }
    canonical_query = _encoded(query)
    path = base.path + stored.path
    request = "\n".join([method, path, canonical_query, f"host:{_host(base)}\n", "host", "UNSIGNED-PAYLOAD"])
    text = "\n".join([v4.algorithm, stamp, v4.scope, hashlib.sha256(request.encode()).hexdigest()])
    return _url(stored, f"{canonical_query}&X-{v4.prefix}-Signature={v4.sign(text.encode())}")


def _of_access_key(stored: StoredAt, access: AccessKey, now: datetime) -> _V4:
    is_google = stored.provider == Provider.GCS
    names = (
        ("GOOG4", "auto", "storage", "goog4_request")
        if is_google
        else ("AWS4", stored.aws_region, "s3", "aws4_request")
    )
    day = f"{now.astimezone(UTC):%Y%m%d}"
    key = f"{names[0]}{access.secret_access_key}".encode()
    for part in (day, *names[1:]):
        key = hmac.digest(key, part.encode(), "sha256")
    return _V4(
        "Goog" if is_google else "Amz",
        f"{names[0]}-HMAC-SHA256",
        access.access_key_id,
        "/".join((day, *names[1:])),
        lambda text: hmac.digest(key, text, "sha256").hex(),
    )


def _of_service_account(access: ServiceAccount, now: datetime) -> _V4:
    key = credentials.rsa_key(access.private_key)
    scope = f"{now.astimezone(UTC):%Y%m%d}/auto/storage/goog4_request"
    return _V4(
        "Goog", "GOOG4-RSA-SHA256", access.client_email, scope, lambda text: key.sign(text, PKCS1v15(), SHA256()).hex()
    )


def _azure_url(stored: StoredAt, access: AccountKey, disposition: str, now: datetime, query: dict[str, str]) -> str:
    expiry = f"{(now + URL_LIFE).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    protocol = "https" if stored.base_url.startswith("https:") else "https,http"
    resource = "bv" if stored.version_id else "b"
    fields = [
        *("r", "", expiry, f"/blob/{stored.account}/{stored.bucket}/{stored.key}", "", "", protocol, _AZURE_VERSION),
        # The version, an encryption scope, and the five headers of the answer.
        *(resource, stored.version_id, "", "", disposition, "", "", ""),
    ]
    signature = hmac.digest(base64.b64decode(access.account_key), "\n".join(fields).encode(), "sha256")
    query = query | {"sp": "r", "se": expiry, "spr": protocol, "sv": _AZURE_VERSION, "sr": resource}
    query |= {"rscd": disposition} if disposition else {}
    return _url(stored, _encoded(query | {"sig": base64.b64encode(signature).decode()}))


def _host(base: SplitResult) -> str:
    """As clients send it: in lower case, and without the port that is the scheme's own."""
    host = base.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if base.port in (None, _PORTS[base.scheme]) else f"{host}:{base.port}"


def _url(stored: StoredAt, query: str) -> str:
    return stored.base_url + stored.path + (f"?{query}" if query else "")


def _encoded(query: dict[str, str]) -> str:
    """Sorted by name, as it is signed, and as it is sent."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(query.items()))
