"""What the references of a draft are, where that was not stated when they were added: workers ask, and record it.

The digest of a version covers what identifies its references, so that it is recorded before the version is finalized.
"""

from collections.abc import Sequence

from artifacts import draft_counts
from artifacts.models import ArtifactFile, ArtifactVersion
from artifacts.references import inspection
from core.guarded_http import Response


def record(version: ArtifactVersion, files: Sequence[ArtifactFile], responses: Sequence[Response]) -> None:
    """Write down what responses say of files of a draft, which is locked: identity, version and size, or why not."""
    room = draft_counts.MAX_TOTAL_SIZE - version.total_size
    for file, response in zip(files, responses, strict=True):
        found = inspection.describe(response)
        file.reference_identity, file.reference_reason = found.identity, found.reason or None
        file.reference_version_id = file.reference_version_id or found.version_id
        if not file.size and found.size <= room:
            file.size = found.size
            room -= file.size
    columns = ["size", "reference_identity", "reference_version_id", "reference_reason"]
    ArtifactFile.objects.bulk_update(files, columns)
    if version.state == ArtifactVersion.State.DRAFT:
        draft_counts.count_files(version)
