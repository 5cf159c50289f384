"""The numbers of a draft: how many files it has, and of how many bytes."""

from django.db.models import Count, Q, Sum

from artifacts import errors
from artifacts.models import ArtifactVersion, ReferenceState

# What a column of the database holds. Sizes are stated before, or without, any bytes.
MAX_TOTAL_SIZE = 2**63 - 1


def check_total_size(version: ArtifactVersion, added: int) -> None:
    """Raise `Invalid` where the version would have more bytes than can be counted."""
    if version.total_size + added > MAX_TOTAL_SIZE:
        raise errors.Invalid("The sizes of all files add up to more than 8 EiB: state their true sizes.")


def add_to_counts(
    version: ArtifactVersion, count: int, size: int, reference_count: int = 0, referenced_size: int = 0
) -> None:
    """Bring the numbers of a draft, which is locked, in line with files that were added to it, or taken out of it.

    `size` is in bytes. Of the files, references are counted once more. Those that were added have not been checked.
    """
    version.file_count += count
    version.total_size += size
    version.reference_count += reference_count
    version.referenced_size += referenced_size
    if reference_count:
        version.reference_state = ReferenceState.UNCHECKED if version.reference_count else None
    _save_counts(version)


def count_files(version: ArtifactVersion) -> None:
    """Count all files of the version anew."""
    is_reference = Q(reference_uri__isnull=False)
    totals = version.files.aggregate(
        count=Count("pk"),
        total_size=Sum("size"),
        reference_count=Count("pk", filter=is_reference),
        referenced_size=Sum("size", filter=is_reference),
    )
    version.file_count, version.total_size = totals["count"], totals["total_size"] or 0
    if totals["reference_count"] != version.reference_count:
        version.reference_state = ReferenceState.UNCHECKED if totals["reference_count"] else None
    version.reference_count, version.referenced_size = totals["reference_count"], totals["referenced_size"] or 0
    _save_counts(version)


def _save_counts(version: ArtifactVersion) -> None:
    counts = ["file_count", "total_size", "reference_count", "referenced_size", "reference_state"]
    version.save(update_fields=[*counts, "touched_at"])
