"""Signed URLs that read an object in a store of others for an hour: computed here, nobody is asked.

S3 and Google Cloud Storage have one algorithm, which is in `signature_v4`; Azure has shared access signatures. Written
here, for no library signs for all three what pins an object to its version: obstore takes no query parameters, and
boto3 knows S3 alone.

- https://learn.microsoft.com/rest/api/storageservices/create-service-sas
"""

import base64
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from django.utils import timezone
from django.utils.http import content_disposition_header

from artifacts import signature_v4
from artifacts.references import credentials
from artifacts.references.credentials import AccessKey, AccountKey, Credentials, ServiceAccount
from artifacts.references.uris import Provider
from artifacts.signature_v4 import Signer, encode_query

URL_LIFE = timedelta(hours=1)
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
        return _url(stored, encode_query(query))
    if isinstance(access, AccessKey) and access.session_token:
        query["X-Amz-Security-Token"] = access.session_token
    return signature_v4.presign(
        _signer(stored, access, f"{now.astimezone(UTC):%Y%m%d}"),
        method,
        stored.base_url,
        stored.path,
        query=query,
        now=now,
        life=URL_LIFE,
    )


def _version_query(stored: StoredAt) -> dict[str, str]:
    names = {Provider.S3: "versionId", Provider.GCS: "generation", Provider.AZURE: "versionid"}
    return {names[stored.provider]: stored.version_id} if stored.version_id else {}


def _signer(stored: StoredAt, access: AccessKey | ServiceAccount, day: str) -> Signer:
    if isinstance(access, ServiceAccount):
        key = credentials.rsa_key(access.private_key)
        scope = f"{day}/auto/storage/goog4_request"
        return Signer(
            "Goog",
            "GOOG4-RSA-SHA256",
            access.client_email,
            scope,
            lambda text: key.sign(text, PKCS1v15(), SHA256()).hex(),
        )
    if stored.provider == Provider.GCS:
        return signature_v4.google_signer(access.access_key_id, access.secret_access_key, day)
    return signature_v4.s3_signer(access.access_key_id, access.secret_access_key, stored.aws_region, day)


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
    return _url(stored, encode_query(query | {"sig": base64.b64encode(signature).decode()}))


def _url(stored: StoredAt, query: str) -> str:
    return stored.base_url + stored.path + (f"?{query}" if query else "")
