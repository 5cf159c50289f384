"""URIs of references: what they name, and what of them may be shown. Nothing is opened."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit
from urllib.request import url2pathname

from wanllmdb.sdk import errors
from wanllmdb.sdk.paths import CONTROL_CHARACTER

MAX_LENGTH = 2048
"""In characters, as on the server."""
SCHEMES = ("s3", "gs", "az", "https", "http", "file")
STORES = ("s3", "gs", "az")

# Query parameters that grant access to whoever has them. The server has the same list, since digests are made without
# them.
_SECRET_PARAMETERS = frozenset({
    *("awsaccesskeyid", "signature", "expires"),
    *("sig", "se", "sp", "sv", "sr", "st", "spr", "skoid", "sktid", "skt", "ske", "sks", "skv"),
    *("token", "access_token", "auth_token", "private_token", "job_token", "jwt", "authorization"),
    *("key", "api_key", "apikey", "access_key", "secret_key", "password", "secret", "client_secret", "googleaccessid"),
})  # fmt: skip
_SECRET_PREFIXES = ("x-amz-", "x-goog-")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,31})://(.*)", re.DOTALL)
# Keys may have a question mark; only at the end, and of this form, it is not theirs.
_PINNED = re.compile(r"(.*)\?(?:versionId|versionid|generation)=([^&?#]+)", re.DOTALL)
_PINNED_GCS = re.compile(r"(.*)#([0-9]+)", re.DOTALL)
_AZURE_HOST = re.compile(r"([a-z0-9]{3,24})\.blob\.core\.windows\.net\.?", re.IGNORECASE)
_AZURE_VERSION = re.compile(r"(?<=[?&])versionid=([^&]*)&?", re.IGNORECASE)
# What a URL has unencoded besides letters and digits.
_URL_SAFE = "!#$%&'()*+,-./:;=?@[]_~"


@dataclass(frozen=True, slots=True)
class Location:
    """What a URI names: an object of a store, or all whose keys begin with a folder; a web page; a file or directory.

    `provider` is `s3`, `gs`, `az`, `web`, `file` or `other`. `uri` is without the version that it pins, which is
    `version_id`. `key` is as the store knows it; a folder's ends with a slash, and that of a whole bucket is empty.
    `account` and `query` are those of an Azure URL; `path` is that of a file on this machine.
    """

    uri: str
    provider: str
    bucket: str = ""
    key: str = ""
    version_id: str = ""
    account: str = ""
    query: str = ""
    path: str = ""

    @property
    def name(self) -> str:
        """The last part of the path: what the entry is called without a name of its own. Empty if there is none."""
        if self.provider in STORES:
            path = self.key
        elif self.provider == "file":
            return re.split(r"[/\\]", self.path.rstrip("/\\"))[-1]
        else:
            path = unquote(urlsplit(self.uri).path)
        return path.rstrip("/").rpartition("/")[2]

    def uri_of(self, key: str) -> str:
        """Of another object in the same bucket."""
        if self.account:
            return f"https://{self.account}.blob.core.windows.net/{self.bucket}/{quote(key)}{self.query}"
        return f"{self.provider}://{self.bucket}/{key}"


def parse(uri: str) -> Location:
    """What the URI names. Raises `Invalid` where it has not the form of one."""
    if len(uri) > MAX_LENGTH:
        raise errors.Invalid(f"The URI {uri[:60]!r}… is longer than {MAX_LENGTH:,} characters")
    try:
        uri.encode()
    except UnicodeEncodeError:
        raise errors.Invalid("The URI of a reference is not valid UTF-8") from None
    match = _SCHEME.fullmatch(uri)
    if match is None:
        raise errors.Invalid(f"{without_secrets(uri)!r} is not a URI: write s3://bucket/key, https://host/path or such")
    if CONTROL_CHARACTER.search(uri):
        raise errors.Invalid(f"The URI {without_secrets(uri)!r} has a control character")
    scheme, rest = match[1].lower(), match[2]
    uri = f"{scheme}://{rest}"
    if "@" in re.split(r"[/?#\\]", rest, maxsplit=1)[0]:
        raise errors.Invalid("Leave username and password out of the URI: who may read the version would know them")
    if scheme in STORES:
        return _in_store(uri, scheme, rest)
    if scheme in ("http", "https"):
        return _on_web(quote(uri, safe=_URL_SAFE), scheme)
    if scheme == "file":
        return _on_disk(uri, rest)
    return Location(uri, "other")


def without_secrets(uri: str) -> str:
    """The URI without the query parameters that grant access: the form for digests and messages.

    The server computes it alike.
    """
    before, _, rest = uri.partition("?")
    query, hash_mark, fragment = rest.partition("#")
    items = query.split("&")
    kept = [item for item in items if not any(map(_is_secret, item.split(";")))]
    if len(kept) == len(items):
        return uri
    return f"{before}{'?' * bool(kept)}{'&'.join(kept)}{hash_mark}{fragment}"


def _is_secret(parameter: str) -> bool:
    name = unquote(parameter.partition("=")[0]).strip().lower()
    return name in _SECRET_PARAMETERS or name.startswith(_SECRET_PREFIXES)


def _in_store(uri: str, scheme: str, rest: str) -> Location:
    bucket, _, key = rest.partition("/")
    if not bucket:
        raise errors.Invalid(f"{without_secrets(uri)!r} names no bucket: write {scheme}://bucket/key")
    pinned = _PINNED.fullmatch(key) or (_PINNED_GCS.fullmatch(key) if scheme == "gs" else None)
    if pinned is None:
        return Location(uri, scheme, bucket, key)
    return Location(f"{scheme}://{bucket}/{pinned[1]}", scheme, bucket, pinned[1], unquote(pinned[2]))


def _on_web(uri: str, scheme: str) -> Location:
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise errors.Invalid(f"{without_secrets(uri)!r} is not a valid URL: {error}") from error
    if not host:
        raise errors.Invalid(f"{without_secrets(uri)!r} is not a valid URL: it names no host")
    if "#" in uri:
        raise errors.Invalid(f"{without_secrets(uri)!r}: leave out the part from # on, which servers never get")
    azure = _AZURE_HOST.fullmatch(host) if scheme == "https" else None
    if azure is None:
        return Location(uri, "web")
    container, _, key = unquote(parts.path.removeprefix("/")).partition("/")
    if not container:
        raise errors.Invalid(f"{without_secrets(uri)!r} names no container: write https://{host}/container/key")
    pinned = _AZURE_VERSION.search(uri)
    if pinned:
        uri = (uri[: pinned.start()] + uri[pinned.end() :]).rstrip("?&")
    query = uri.partition("?")[2]
    version_id = unquote(pinned[1]) if pinned else ""
    return Location(uri, "az", container, key, version_id, azure[1].lower(), f"?{query}" if query else "")


def _on_disk(uri: str, rest: str) -> Location:
    rest = rest[len("localhost") :] if rest.startswith("localhost/") else rest
    if not rest.startswith("/") or rest.startswith("//"):
        raise errors.Invalid(f"{uri!r} names no file of this machine: write file:///folder/file, with an absolute path")
    return Location(f"file://{rest}", "file", path=url2pathname(rest))
