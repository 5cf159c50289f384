"""What an artifact says of links: of a link, the version that has the files; of a version, its links."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from wanllmdb.sdk import errors
from wanllmdb.sdk.arguments import checked
from wanllmdb.sdk.validators import validate_aliases

if TYPE_CHECKING:
    from wanllmdb.sdk.artifact import Artifact
    from wanllmdb.sdk.connection import Connection
    from wanllmdb.sdk.logged_version import LoggedVersion


def _no_collection(connection: Connection, name: str) -> Any:
    raise AssertionError("the module of collections is imported")


_find_collection: Callable[[Connection, str], Any] = _no_collection


def set_collections(find: Callable[[Connection, str], Any]) -> None:
    """From now on `find` returns the collection `team/project/name`. Its module imports this one."""
    global _find_collection
    _find_collection = find


class ArtifactLinks:
    """Of a logged artifact; a draft has none, and raises `NotLogged`."""

    if TYPE_CHECKING:

        def _logged(self, operation: str) -> LoggedVersion: ...

        @classmethod
        def _from_record(cls, connection: Connection, record: dict[str, Any]) -> Artifact: ...

    @checked()
    def link(self, target_path: str, aliases: str | Iterable[str] | None = None) -> Artifact:
        """Link this version in the collection `team/project/name`, and return the link.

        Team and project can be omitted if they are those of the version. A collection that is not there is made. The
        link is a version of the collection: it has a number and aliases of its own, to which `aliases` are added;
        `latest` follows by itself. The second time the aliases move to the link there is. A link of a link is one of
        the version that has the files. Raises `NotFound` for a project that is not there, `TypeDiffers`, `LinkRefused`
        for an artifact that is no collection, `AliasProtected`, `Denied`, `InvalidName`.
        """
        version = self._logged("link")
        return self._from_record(version.connection, version.link(target_path, validate_aliases(aliases)))

    def unlink(self) -> None:
        """Take this link and its aliases out of its collection; the version that it links stays as it is.

        Raises `Invalid` for what is no link, `AliasProtected` if a rule protects one of its aliases, `Denied`.
        """
        self._unlink(delete_aliases=True)

    def _unlink(self, delete_aliases: bool) -> None:
        version = self._logged("unlink")
        if not self.is_link:
            raise errors.Invalid(f"unlink: {version.label} is no link, but a version of its own")
        version.delete(delete_aliases)

    @property
    def is_link(self) -> bool:
        """Whether it is a link to a version of another artifact."""
        return self._logged("is_link").source is not None

    @property
    def linked_artifacts(self) -> list[Artifact]:
        """The links to this version in collections that you have access to, newest first; none of a link."""
        version = self._logged("linked_artifacts")
        if version.source is not None:
            return []
        return [self._from_record(version.connection, record) for record in version.list_links()]

    @property
    def source_artifact(self) -> Artifact:
        """The version that a link leads to, or else this one. Raises `NotFound` if you have no access to it."""
        version = self._logged("source_artifact")
        return self._from_record(version.connection, version.fetch_source())

    @property
    def source_entity(self) -> str:
        """The team of the version that has the files. Like the others of `source_…`, it raises `NotFound` if this is a
        link, and you have no access to that version."""
        return self._source_path("source_entity")[0]

    @property
    def source_project(self) -> str:
        return self._source_path("source_project")[1]

    @property
    def source_name(self) -> str:
        """Without version, as `name`."""
        return self._source_path("source_name")[2]

    @property
    def source_version(self) -> str:
        """`v3`."""
        return self._source_path("source_version")[3]

    @property
    def source_qualified_name(self) -> str:
        """`team/project/name:v3` of the version that has the files."""
        team, project, name, version = self._source_path("source_qualified_name")
        return f"{team}/{project}/{name}:{version}"

    @property
    def collection(self) -> Any:
        """The `Collection` with this version, which of a link is the one that it is linked in."""
        version = self._logged("collection")
        return _find_collection(version.connection, version.qualified_name.rpartition(":")[0])

    @property
    def source_collection(self) -> Any:
        """The `Collection` with the version that has the files."""
        team, project, name, _ = self._source_path("source_collection")
        return _find_collection(self._logged("source_collection").connection, f"{team}/{project}/{name}")

    def _source_path(self, operation: str) -> tuple[str, str, str, str]:
        version = self._logged(operation)
        if version.source is None:
            full_name, number = version.qualified_name.rpartition(":")[::2]
        else:
            version.require_source()
            full_name, number = str(version.source["full_name"]), str(version.source["version"])
        team, project, name = full_name.split("/")
        return team, project, name, number
