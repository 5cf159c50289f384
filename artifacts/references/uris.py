"""URIs of references: what they name, which may be recorded, and what of them may be shown. No connection is made."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from artifacts import errors
from core import url_policy
from core.errors import AddressRefused

MAX_LENGTH = 2048

# Query parameters that grant access to whoever has them: signatures, and keys and tokens by their usual names. The SDK
# has the same list, since digests are made without them.
# fmt: off
_SECRET_PARAMETERS = frozenset([
    "awsaccesskeyid", "signature", "expires",
    "sig", "se", "sp", "sv", "sr", "st", "spr", "skoid", "sktid", "skt", "ske", "sks", "skv",
    "token", "access_token", "auth_token", "private_token", "job_token", "jwt", "authorization",
    "key", "api_key", "apikey", "access_key", "secret_key", "password", "secret", "client_secret", "googleaccessid",
])
# fmt: on
_SECRET_PREFIXES = ("x-amz-", "x-goog-")

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,31}):(.*)", re.DOTALL)
# What browsers run or read by themselves.
# fmt: off
_ACTIVE_SCHEMES = frozenset([
    "about", "blob", "chrome", "data", "feed", "filesystem", "jar", "javascript", "livescript", "mailto", "mocha",
    "resource", "vbscript", "view-source",
])
# fmt: on
# What names a version of this server, by its id.
_OWN_SCHEME = "wandb-artifact"
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,220}[A-Za-z0-9]")
_CONTAINER = re.compile(r"\$(root|web|logs)|[a-z0-9](-?[a-z0-9]){2,62}")
_IPV4 = re.compile(r"[0-9]+(\.[0-9]+){3}")
_AZURE_HOST = re.compile(r"([a-z0-9]{3,24})\.blob\.core\.windows\.net\.?", re.IGNORECASE)
_URL_TEXT = re.compile(r"[!-~]+")
_PINNED = re.compile(r"(.*)\?(?:versionId|versionid|generation)=([^&?#]+)", re.DOTALL)
_PINNED_GCS = re.compile(r"(.*)#([0-9]+)", re.DOTALL)
_PINNED_AZURE = re.compile(r"(?<=[?&])versionid=([^&]*)&?", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_CONTROL = ("Cc", "Cs", "Zl", "Zp")


class Provider(StrEnum):
    """Who keeps the object, which decides how it is read and what identifies it."""

    S3 = "s3"
    GCS = "gs"
    AZURE = "az"
    WEB = "web"
    FILE = "file"
    OTHER = "other"

    @property
    def is_store(self) -> bool:
        return self in (Provider.S3, Provider.GCS, Provider.AZURE)


@dataclass(frozen=True, slots=True)
class Location:
    """What a URI names: of a store a bucket (a container of Azure) and a key, of the web a host and a path.

    `account` is Azure's, where the URI is a URL that names it. `version_id` is the version of the object that the URI
    itself asks for, as in `s3://bucket/key?versionId=…`, and `uri` is then without it.
    """

    uri: str
    scheme: str
    provider: Provider
    host: str = ""
    bucket: str = ""
    key: str = ""
    account: str = ""
    version_id: str = ""


def check_reference(uri: str) -> Location:
    """What the URI names, if a version may refer to it. Raises `ReferenceRefused`; judges the text alone."""
    location = parse(uri)
    try:
        _check_host(location)
    except AddressRefused as refusal:
        raise errors.ReferenceRefused(str(refusal)) from refusal
    return location


def parse(uri: str) -> Location:
    """The parts of a URI. Raises `ReferenceRefused` where it has not the form of one; no host is judged."""
    if len(uri) > MAX_LENGTH:
        raise errors.ReferenceRefused(f"The URI is longer than {MAX_LENGTH:,} characters.")
    _check_characters(uri)
    match = _SCHEME.fullmatch(uri)
    if match is None or not match[2].startswith("//") or match[1].lower() in _ACTIVE_SCHEMES:
        raise errors.ReferenceRefused("A reference is a URI such as s3://bucket/key, gs://…, az://… or https://….")
    scheme, rest = match[1].lower(), match[2][2:]
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    if "@" in authority:
        # Whatever the scheme: of a URI that everybody may read, these would be known to everybody.
        raise errors.ReferenceRefused("Leave username and password out of the URI.")
    match scheme:
        case "s3" | "gs" | "az":
            return _in_store(uri, scheme, rest)
        case "http" | "https":
            return _on_web(uri, scheme)
        case "file":
            return _in_file_system(uri, rest)
    return _elsewhere(uri, scheme)


def without_secrets(uri: str) -> str:
    """The URI without the query parameters that grant access: the form for digests, pages, logs, events and errors.

    The SDK computes it alike.
    """
    before, _, rest = uri.partition("?")
    query, hash_mark, fragment = rest.partition("#")
    items = query.split("&")
    kept = [item for item in items if not any(_is_secret(part) for part in item.split(";"))]
    if len(kept) == len(items):
        return uri
    return f"{before}{'?' * bool(kept)}{'&'.join(kept)}{hash_mark}{fragment}"


def _is_secret(parameter: str) -> bool:
    name = unquote(parameter.partition("=")[0]).strip().lower()
    return name in _SECRET_PARAMETERS or name.startswith(_SECRET_PREFIXES)


def _in_store(uri: str, scheme: str, rest: str) -> Location:
    bucket, _, key = rest.partition("/")
    # Keys may have a question mark; only at the end, and of this form, it is not theirs.
    pinned = _PINNED.fullmatch(key) or (_PINNED_GCS.fullmatch(key) if scheme == "gs" else None)
    version_id = unquote(pinned[2]) if pinned else ""
    if pinned:
        uri, key = uri[: -len(key) + len(pinned[1])], pinned[1]
    provider = Provider(scheme)
    grammar = _CONTAINER if provider == Provider.AZURE else _BUCKET
    if not grammar.fullmatch(bucket) or ".." in bucket or _IPV4.fullmatch(bucket):
        raise errors.ReferenceRefused(f"{bucket[:80]!r} is not the name of a bucket: write {scheme}://bucket/key.")
    _check_key(key)
    return Location(uri, scheme, provider, bucket=bucket, key=key, version_id=version_id)


def _on_web(uri: str, scheme: str) -> Location:
    if not _URL_TEXT.fullmatch(uri) or "\\" in uri:
        message = "Write web addresses in ASCII, without backslashes; percent-encode spaces and other letters."
        raise errors.ReferenceRefused(message)
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise errors.ReferenceRefused("This is not a valid URL.") from error
    if not host or port == 0 or (parts.netloc.startswith("[") and ":" not in host):
        raise errors.ReferenceRefused("This is not a valid URL: it names no host.")
    if "#" in uri:
        raise errors.ReferenceRefused("Leave out the part of the URL from # on: servers never get it.")
    azure = _AZURE_HOST.fullmatch(host)
    if azure is None or scheme == "http":
        return Location(uri, scheme, Provider.WEB, host=host, key=parts.path)
    container, _, key = unquote(parts.path.removeprefix("/")).partition("/")
    if not _CONTAINER.fullmatch(container):
        message = "Of Azure, name container and blob: https://account.blob.core.windows.net/container/key."
        raise errors.ReferenceRefused(message)
    _check_key(key)
    pinned = _PINNED_AZURE.search(uri)
    if pinned:
        uri = (uri[: pinned.start()] + uri[pinned.end() :]).rstrip("?&")
    version_id = unquote(pinned[1]) if pinned else ""
    return Location(uri, scheme, Provider.AZURE, host, container, key, azure[1].lower(), version_id)


def _in_file_system(uri: str, rest: str) -> Location:
    if not rest.startswith("/") or rest.startswith("//") or "\\" in rest or not rest.strip("/"):
        raise errors.ReferenceRefused("A file:// reference names no host and an absolute path: file:///folder/file.")
    return Location(uri, "file", Provider.FILE, key=rest)


def _elsewhere(uri: str, scheme: str) -> Location:
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise errors.ReferenceRefused("This is not a valid URI.") from error
    if not (parts.netloc or parts.path) or "\\" in parts.netloc:
        raise errors.ReferenceRefused("The URI names nothing: write what follows its scheme.")
    return Location(uri, scheme, Provider.OTHER, host=host, key=parts.path)


def _check_key(key: str) -> None:
    if not key:
        raise errors.ReferenceRefused("The URI names a bucket, but no key in it.")
    _check_characters(key)
    # On the way to a store such segments may be resolved, and the key be another one, outside of a prefix.
    if any(segment in (".", "..") for segment in key.replace("\\", "/").split("/")):
        raise errors.ReferenceRefused("The key has a '.' or '..' between its slashes.")


def _check_characters(text: str) -> None:
    # Ten times as fast for nearly all of them.
    if not text.isprintable() and any(unicodedata.category(character) in _CONTROL for character in text):
        raise errors.ReferenceRefused("The URI has a control character.")


def _check_host(location: Location) -> None:
    """Raise `AddressRefused` if the host is one that references may not be at."""
    is_other = location.provider == Provider.OTHER and location.scheme != _OWN_SCHEME
    is_host = is_other and location.host and not _is_no_host(location.host)
    if location.provider == Provider.WEB or is_host:
        url_policy.check_host(location.host, url_policy.for_references())


def _is_no_host(name: str) -> bool:
    """Of schemes that we do not know, one word may be anything: a cluster, a catalog, a branch."""
    return bool(_WORD.fullmatch(name)) and name.lower() != "localhost"
