"""What an artifact says of its lineage: the runs around it, the graph, and what a change would affect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wanllmdb.sdk import errors
from wanllmdb.sdk.arguments import checked, excerpt
from wanllmdb.sdk.lineage import graph, sources, usages
from wanllmdb.sdk.lineage.graph import Lineage
from wanllmdb.sdk.lineage.impact import Impact
from wanllmdb.sdk.lineage.sources import Source
from wanllmdb.sdk.models import RunRecord

if TYPE_CHECKING:
    from wanllmdb.sdk.logged_version import LoggedVersion


class ArtifactLineage:
    """Of a logged artifact; a draft has none, and raises `NotLogged`."""

    if TYPE_CHECKING:

        def _logged(self, operation: str) -> LoggedVersion: ...

    def logged_by(self) -> RunRecord | None:
        """The run that created this version; None if there was no run, or it was deleted."""
        return self._logged("logged_by").logged_by()

    def used_by(self) -> list[RunRecord]:
        """The runs that used this version, newest first, as far as you have access to them."""
        return self._logged("used_by").used_by()

    @property
    def requested_as(self) -> list[str]:
        """The aliases and versions by which it was asked for: by whoever fetched it, or in a list of the artifacts
        that a run used, by that run."""
        return usages.names_of(self._logged("requested_as").record)

    @checked()
    def lineage(self, direction: str = "both", depth: int = graph.DEPTH, limit: int = graph.LIMIT) -> Lineage:
        """The runs and versions that this version was made from, `upstream`, and that were made from it, `downstream`.

        `depth` is how many steps away, at most 50, `limit` how many nodes, at most 5,000: where there are more, the
        nodes at the border say how many. What you have no access to is a node `private`. Raises `Invalid`,
        `VersionNotFound`.
        """
        return self._logged("lineage").lineage(direction, depth, limit)

    @checked()
    def impact(self, per_page: int | None = None) -> Impact:
        """The versions and runs that a change of this version would affect: everything downstream, however far.

        A list that is fetched page by page: versions with protected aliases first. Its `summary` has the numbers.
        Raises `VersionNotFound`.
        """
        return self._logged("impact").impact(per_page)


def to_source(item: str | ArtifactLineage) -> Source:
    """What a new artifact is derived from, by its name or as a logged artifact. Raises `Invalid`, `NotLogged`."""
    if isinstance(item, ArtifactLineage):
        version = item._logged("derived_from")
        return sources.of_version(version.label, version.record)
    if not isinstance(item, str):
        raise errors.Invalid(f"Artifact: derived_from takes names and artifacts, not {excerpt(item)}")
    return sources.of_name(item)
