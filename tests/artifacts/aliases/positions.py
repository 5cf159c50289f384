"""Where the aliases of an artifact are."""

from artifacts.models import Artifact


def where(artifact: Artifact) -> dict[str, str]:
    return {row.alias: row.version.version for row in artifact.alias_set.select_related("version")}
