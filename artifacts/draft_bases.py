"""A draft that is begun with the files of a version, but for those that were changed, added or removed since.

Their rows are copied inside the database, so that it costs little to state what is the same.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce

from accounts.actor import Actor
from artifacts import draft_counts, draft_files, errors
from artifacts.models import Artifact, ArtifactFile, ArtifactVersion, Blob, ReferenceState
from core import bulk_rows
from core.value_lists import Among

_MAX_PATHS_IN_ERROR = 100
# So many files are copied in a transaction.
_SLICE_SIZE = 5_000


@dataclass(frozen=True, slots=True)
class Base:
    """A version, and the paths of its files that the draft does not take over."""

    version: ArtifactVersion
    omitted: frozenset[str]

    def files(self) -> QuerySet[ArtifactFile]:
        """Those that the draft takes over."""
        return self.version.files.exclude(Among("path", self.omitted))


def check(
    actor: Actor, artifact: Artifact, version: ArtifactVersion, removed: Collection[str], stated: Iterable[str]
) -> Base:
    """The base of a draft that has other files at the `stated` paths, and none at those that are `removed`.

    Raises `Invalid` where the version is of another project or the paths make no sense, `Conflict` for a draft, and
    `BaseUnverified` where a file would be taken over whose bytes the user may not share: then all files must be stated.
    """
    if version.artifact.project_id != artifact.project_id or not _has_files_in(version, artifact.project_id):
        raise errors.Invalid(f"The base belongs to another project than artifact {artifact.name!r}.")
    if not version.is_finalized:
        raise errors.Conflict("The base is a draft: only a finalized version can be one.")
    if len(removed) > draft_files.MAX_FILES_A_CALL:
        raise errors.Invalid(f"One call removes at most {draft_files.MAX_FILES_A_CALL:,} files of the base.")
    stated, removed = set(stated), set(removed)
    if both := sorted(removed & stated):
        raise errors.Invalid(f"The path {both[0]!r} is stated and removed.", paths=both[:_MAX_PATHS_IN_ERROR])
    known = set(version.files.filter(Among("path", removed)).values_list("path", flat=True))
    if unknown := sorted(removed - known):
        message = f"The base has no file {unknown[0]!r} that could be removed."
        raise errors.Invalid(message, paths=unknown[:_MAX_PATHS_IN_ERROR])
    base = Base(version, frozenset(removed | stated))
    if version.integrity != ArtifactVersion.Integrity.VERIFIED:
        _require_shareable(actor, artifact, base)
    return base


def slices(base: Base) -> Iterator[Q]:
    """The paths of the base for one transaction each, in their order."""
    paths = base.version.files.order_by("path").values_list("path", flat=True)
    after = ""
    while after is not None:
        rest = Q(path__gt=after)
        last = paths.filter(rest)[_SLICE_SIZE - 1 : _SLICE_SIZE].first()
        yield rest if last is None else rest & Q(path__lte=last)
        after = last


def copy(draft: ArtifactVersion, base: Base, within: Q) -> None:
    """Give the draft, which is locked, those of the files of its base in a slice that it has not.

    Raises `VersionNotFound`, and `Invalid` for too many bytes.

    Their bytes are neither locked nor claimed: whoever deletes the base begins their grace anew, and a base that is
    still there after the copy was whole when it was copied.
    """
    rows = base.files().filter(within)
    if draft.file_count:
        # Of a join of the two the plan can be a loop in a loop: a draft that has just grown is thought to be empty.
        own = ArtifactFile.objects.filter(within, version=draft.pk).values_list("path", flat=True)
        rows = rows.exclude(Among("path", own))
    references = Q(reference_uri__isnull=False)
    totals = rows.order_by().aggregate(
        files=Count("pk"),
        bytes=Coalesce(Sum("size"), 0),
        references=Count("pk", filter=references),
        referenced=Coalesce(Sum("size", filter=references), 0),
    )
    draft_counts.check_total_size(draft, totals["bytes"])
    bulk_rows.copy(
        rows,
        version=draft.pk,
        reference_state=Case(When(reference_uri__isnull=False, then=Value(ReferenceState.UNCHECKED))),
        reference_checked_at=None,
        reference_reason=None,
    )
    if not ArtifactVersion.objects.finalized().filter(pk=base.version.pk).exists():
        raise errors.VersionNotFound.deleted(base.version.title, base.version.artifact.name)
    draft_counts.add_to_counts(draft, totals["files"], totals["bytes"], totals["references"], totals["referenced"])


def _has_files_in(version: ArtifactVersion, project_id: UUID) -> bool:
    """Whether its bytes are those of the project: a link has the files of a version that may be of any."""
    rows = ArtifactVersion.objects.filter(pk=version.contents_id, artifact__project=project_id)
    return not version.is_link or rows.exists()


def _require_shareable(actor: Actor, artifact: Artifact, base: Base) -> None:
    shareable = Blob.objects.shareable(artifact.project, actor.user).filter(pk=OuterRef("blob"))
    rows = base.files().filter(~Exists(shareable), blob__isnull=False)
    paths = list(rows.values_list("path", flat=True)[:_MAX_PATHS_IN_ERROR])
    if paths:
        message = f"The bytes of {paths[0]!r} in the base are corrupt, or not verified yet: state all files."
        raise errors.BaseUnverified(message, paths=paths)
