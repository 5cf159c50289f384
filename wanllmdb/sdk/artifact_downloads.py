"""How the files of a logged artifact come to this machine, and how they are checked there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wanllmdb.sdk import wandb_names
from wanllmdb.sdk.arguments import checked
from wanllmdb.sdk.paths import StrPath as StrPath
from wanllmdb.sdk.progress import ProgressCallback

if TYPE_CHECKING:
    from wanllmdb.sdk.logged_version import LoggedVersion


class ArtifactDownloads:
    """Of a logged artifact; a draft has nothing to download, and raises `NotLogged`."""

    if TYPE_CHECKING:

        def _logged(self, operation: str) -> LoggedVersion: ...

    @checked(ignored=wandb_names.DOWNLOAD)
    def download(
        self,
        root: StrPath | None = None,
        path_prefix: StrPath | None = None,
        *,
        exact: bool = False,
        allow_missing_references: bool = False,
        skip_cache: bool = False,
        progress: ProgressCallback | None = None,
    ) -> str:
        """Download the files to `root`, by default `./artifacts/<team>/<project>/<name>-<version>`; returns that path.

        Each file appears complete and verified by its sha256, or not at all. Files that are already there are kept,
        unrelated files are left alone; with `exact` they are deleted, so that `root` holds these files and no others.
        With `path_prefix` only the files of a folder are downloaded, or else those whose path starts with it; with
        `exact` as well, only unrelated files among these paths are deleted.
        References are fetched too, with the credentials of this machine or from an address that the server signs. If
        one of them is not what was logged, or cannot be had, nothing is downloaded; with `allow_missing_references`
        those that cannot be had are left out, with a warning.
        What was downloaded on this machine before comes from its cache; `skip_cache` neither reads nor fills that.
        `progress` is called with a `TransferProgress` as in `Run.log_artifact`.
        Raises `NotFound` if no path starts with `path_prefix`, `CorruptDownload`, `ReferenceChanged`,
        `ReferenceUnreachable`, `InvalidPath` for a path outside of `root` or one that this disk cannot tell from
        another, `Invalid` for a `root` that cannot be written to and lacks something, `Unreachable`, `NotLogged`.
        """
        version = self._logged("download")
        return version.download(root, path_prefix, exact, allow_missing_references, progress, skip_cache)

    def checkout(
        self,
        root: StrPath | None = None,
        *,
        allow_missing_references: bool = False,
        progress: ProgressCallback | None = None,
    ) -> str:
        """The same as `download(root, exact=True)`."""
        return self.download(root, exact=True, allow_missing_references=allow_missing_references, progress=progress)

    @checked()
    def file(self, root: StrPath | None = None) -> str:
        """Download an artifact with exactly one file, and return its local path. Raises `Invalid` for any other."""
        return self._logged("file").file(root)

    @checked()
    def verify(self, root: StrPath | None = None, *, allow_missing_references: bool = False) -> None:
        """Check a downloaded directory. Raises `CorruptDownload`, whose `.problem["paths"]` are the files that are
        missing, changed, or not part of the artifact. References are compared with what this machine has fetched."""
        self._logged("verify").verify(root, allow_missing_references)
