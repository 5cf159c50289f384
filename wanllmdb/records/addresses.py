"""Where records are kept, as people write it: a database on this machine, or a hierarchy of a server."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from wanllmdb.sdk import errors
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.http_client import quote_segment
from wanllmdb.sdk.settings import normalize_url

FORMS = "sqlite:///file.db, postgresql://…, team/project/hierarchy, or its URL https://server/h/team/project/hierarchy"
# The drivers that SQLAlchemy's users write into the URL are chosen here.
_LOCAL = re.compile(r"(sqlite|postgres|postgresql)(\+\w+)?:")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True)
class RemoteAddress:
    """One hierarchy of one server."""

    base_url: str
    """Of the server."""
    team: str
    project: str
    name: str

    @property
    def url(self) -> str:
        """The base of the hierarchy's own API."""
        return self.base_url + self.path

    @property
    def path(self) -> str:
        """The same without the server."""
        return f"/h/{'/'.join(map(quote_segment, (self.team, self.project, self.name)))}"

    @property
    def full_project(self) -> str:
        return f"{self.team}/{self.project}"

    def __str__(self) -> str:
        return f"{self.team}/{self.project}/{self.name}"


def is_local(address: str) -> bool:
    """Whether it is the URL of a database, rather than the address of a hierarchy on a server."""
    return _LOCAL.match(address.strip()) is not None


def parse_url(url: str) -> RemoteAddress:
    """The hierarchy at `https://server/h/team/project/name`, whose own paths may follow. Raises `Invalid`."""
    text = url.strip()
    path = urlsplit(text).path
    match = re.search(r"/h/([^/]+)/([^/]+)/([^/]+)(/api/v1(/artifacts)?)?/?$", path)
    if match is None:
        raise errors.Invalid(f"{text.rpartition('@')[2]!r} is not the address of a hierarchy: use {FORMS}")
    base_url = normalize_url(text.replace(path, path[: match.start()], 1))
    return RemoteAddress(base_url, *(unquote(part) for part in match.groups()[:3]))


def parse_remote(address: str, connection: Connection) -> RemoteAddress:
    """The hierarchy of a name or URL. Parts that a name lacks come from the settings. Raises `Invalid`."""
    text = address.strip()
    if "://" in text:
        return parse_url(text)
    project, _, name = text.rpartition("/")
    if not _NAME.fullmatch(name) or project.count("/") > 1:
        raise errors.Invalid(f"{text!r} is not the address of a hierarchy: use {FORMS}")
    team, _, project = connection.full_project(project or None).partition("/")
    return RemoteAddress(connection.settings.base_url, team, project, name)
