"""The models of a run, and what it links in collections."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from wanllmdb.sdk import links
from wanllmdb.sdk.arguments import checked
from wanllmdb.sdk.artifact import Artifact, StrPath
from wanllmdb.sdk.run_artifacts import RunArtifacts
from wanllmdb.sdk.validators import validate_aliases


class RunModels:
    """Shorthands for artifacts of type `model`, and links."""

    _artifacts: RunArtifacts

    if TYPE_CHECKING:

        def _require_running(self, operation: str) -> None: ...

        def log_artifact(self, artifact_or_path: Artifact | StrPath, *arguments: Any) -> Artifact: ...

        def use_artifact(self, name_or_artifact: str | Artifact, type: str | None = None) -> Artifact: ...

    @checked()
    def log_model(self, path: StrPath, name: str | None = None, aliases: str | Iterable[str] | None = None) -> Artifact:
        """`log_artifact` of a file or directory with the type `model`."""
        return self.log_artifact(path, name, "model", aliases)

    @checked()
    def use_model(self, name: str) -> str:
        """`use_artifact` and download: the path of the only file, or of the directory."""
        artifact = self.use_artifact(name, type="model")
        return artifact.file() if artifact.file_count == 1 else artifact.download()

    @checked()
    def link_artifact(
        self, artifact: Artifact, target_path: str, aliases: str | Iterable[str] | None = None
    ) -> Artifact:
        """Link a version in the collection `team/project/name`, and return the link; see `Artifact.link`.

        Team and project can be omitted if they are those of the run. An artifact that is not logged yet is logged
        first. In mode `offline` the link is made by `wanllmdb sync`, and in mode `disabled` by nobody: then the
        artifact itself is returned. Raises what `Artifact.link` and `log_artifact` raise.
        """
        self._require_running("link_artifact")
        names = validate_aliases(aliases)
        if artifact.is_draft() and artifact._pending is None:
            self.log_artifact(artifact)
        return self._artifacts.link(artifact, target_path, names)

    @checked()
    def link_model(
        self,
        path: StrPath,
        registered_model_name: str,
        name: str | None = None,
        aliases: str | Iterable[str] | None = None,
    ) -> Artifact:
        """`log_model` and `link_artifact`: log a file or directory, link the version in a collection, return the link.

        The aliases are those of the link. A model that is named without a project is in the project `model-registry`
        of the run's team, which is made if it is not there.
        """
        names = validate_aliases(aliases)
        artifact = self.log_model(path, name)
        is_named = "/" in registered_model_name
        target = registered_model_name if is_named else f"{links.MODEL_PROJECT}/{registered_model_name}"
        return self._artifacts.link(artifact, target, names, create_project=not is_named)
