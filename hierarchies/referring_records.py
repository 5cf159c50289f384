"""The records whose data names a version of an artifact: what of lineage is outside the registry."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from artifacts.models import Artifact, ArtifactVersion
from hierarchies.models import Hierarchy, RecordReference

# With all that is said of them, but not the data, which may be 64 KiB each.
_SHOWN = ("version_hold__version__artifact", "record__hierarchy__project__team")


def to_versions(user: Any, versions: Collection[ArtifactVersion | UUID]) -> QuerySet[RecordReference]:
    """References to any of these versions, from hierarchies that the user sees; the newest first."""
    return _visible(user, to_any(versions))


def to_artifact(user: Any, artifact: Artifact) -> QuerySet[RecordReference]:
    """The same to any version of an artifact."""
    return _visible(user, RecordReference.objects.filter(version_hold__version__artifact=artifact))


def to_any(versions: Collection[ArtifactVersion | UUID]) -> QuerySet[RecordReference]:
    """Those from hierarchies of others too: for counting only."""
    return RecordReference.objects.filter(version_hold__version__in=versions)


def _visible(user: Any, rows: QuerySet[RecordReference]) -> QuerySet[RecordReference]:
    rows = rows.filter(record__hierarchy__in=Hierarchy.objects.visible_to(user))
    return rows.select_related(*_SHOWN).defer("record__data", "record__hierarchy__description").order_by("-id")
