"""Presigned URLs by Signature Version 4, of S3 and, under other names, of Google Cloud Storage. Nobody is asked.

boto3 signs alike, but takes a quarter of a millisecond for each URL, and a manifest can have 20,000 of them.

- https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
- https://cloud.google.com/storage/docs/authentication/signatures
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

_PORTS = {"http": 80, "https": 443}


class Signer(NamedTuple):
    """Who signs, for one day, and what S3 and Google call the parts of the one algorithm."""

    prefix: str
    algorithm: str
    credential: str
    scope: str
    sign: Callable[[bytes], str]


@lru_cache(maxsize=64)
def s3_signer(access_key_id: str, secret_access_key: str, region: str, day: str) -> Signer:
    """`day` is `YYYYMMDD` in UTC."""
    return _hmac_signer("Amz", "AWS4", access_key_id, secret_access_key, (day, region, "s3", "aws4_request"))


@lru_cache(maxsize=64)
def google_signer(access_key_id: str, secret_access_key: str, day: str) -> Signer:
    """Of an HMAC key of Google. `day` is `YYYYMMDD` in UTC."""
    return _hmac_signer("Goog", "GOOG4", access_key_id, secret_access_key, (day, "auto", "storage", "goog4_request"))


def _hmac_signer(prefix: str, name: str, access_key_id: str, secret: str, scope: tuple[str, ...]) -> Signer:
    key = f"{name}{secret}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")

    keyed = hmac.new(key, digestmod="sha256")

    def sign(text: bytes) -> str:
        # A third of what `hmac.digest` takes, which begins with the key each time.
        signature = keyed.copy()
        signature.update(text)
        return signature.hexdigest()

    return Signer(prefix, f"{name}-HMAC-SHA256", access_key_id, "/".join(scope), sign)


class Presigner:
    """Signs URLs that differ in their paths, and in the values of their headers: for one method, from one moment on.

    What they have in common is made once. A URL costs two hashes.
    """

    def __init__(
        self,
        signer: Signer,
        method: str,
        base_url: str,
        *,
        query: Iterable[tuple[str, str]],
        now: datetime,
        life: timedelta,
        header_names: Iterable[str] = (),
    ) -> None:
        host, base_path = _split(base_url)
        names = sorted([*header_names, "host"])
        signed_names = ";".join(names)
        stamp = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        prefix = f"X-{signer.prefix}-"
        common_query = encode_query(
            {
                **dict(query),
                f"{prefix}Algorithm": signer.algorithm,
                f"{prefix}Credential": f"{signer.credential}/{signer.scope}",
                f"{prefix}Date": stamp,
                f"{prefix}Expires": str(int(life.total_seconds())),
                f"{prefix}SignedHeaders": signed_names,
            }
        )
        values = "".join([f"{name}:{_escaped(host) if name == 'host' else '%s'}\n" for name in names])
        self._request = (
            f"{method}\n{_escaped(base_path)}%s\n{_escaped(common_query)}\n{values}\n{signed_names}\nUNSIGNED-PAYLOAD"
        )
        self._text = f"{signer.algorithm}\n{stamp}\n{signer.scope}\n"
        self._url = f"{_escaped(base_url)}%s?{_escaped(common_query)}&{prefix}Signature=%s"
        self._sign = signer.sign

    def url(self, path: str, *values: str) -> str:
        """`path` is encoded; `values` are those of the headers, in the order of their names."""
        request = self._request % (path, *values)
        text = f"{self._text}{hashlib.sha256(request.encode()).hexdigest()}"
        return self._url % (path, self._sign(text.encode()))


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def presign(
    signer: Signer,
    method: str,
    base_url: str,
    path: str,
    *,
    query: Mapping[str, str],
    now: datetime,
    life: timedelta,
    headers: Mapping[str, str] | None = None,
) -> str:
    """A URL that is valid for one method, and for `life` from `now` on.

    `base_url` has no slash at its end; `path` is encoded. `query` becomes part of the URL; `headers`, named in small
    letters, must be sent along as they are.
    """
    headers = headers or {}
    presigner = Presigner(
        signer, method, base_url, query=query.items(), now=now, life=life, header_names=headers.keys()
    )
    return presigner.url(path, *(headers[name] for name in sorted(headers)))


def encode_query(query: Mapping[str, str]) -> str:
    """Sorted by name, as it is signed, and as it is sent."""
    return "&".join([f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(query.items())])


@lru_cache(maxsize=64)
def _split(base_url: str) -> tuple[str, str]:
    """Host and path of an endpoint."""
    base = urlsplit(base_url)
    return _host(base), base.path


def _host(base: SplitResult) -> str:
    """As clients send it: in lower case, and without the port that is the scheme's own."""
    host = base.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if base.port in (None, _PORTS[base.scheme]) else f"{host}:{base.port}"
