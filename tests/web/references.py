"""References for tests of pages: rows as the registry would have them, in whatever state and with whatever URI."""

from django.db.models import Count, Q, Sum
from django.utils import timezone

from artifacts.models import ArtifactFile, ArtifactVersion, ReferenceState

SECRET = "0123456789abcdef"
SIGNED = f"https://data.example.org/signed.csv?X-Amz-Signature={SECRET}&page=2"
URIS = {
    "train.parquet": "s3://acme-data/2026/train.parquet",
    "open.csv": "https://data.example.org/open.csv",
    "signed.csv": SIGNED,
    "run.csv": "javascript:alert(1)",
    "text.csv": "data:text/html,<script>alert(1)</script>",
    "html.csv": 's3://acme-data/"><img src=x onerror=alert(1)>',
}


def refer(
    version: ArtifactVersion, path: str, uri: str, state: str = "unchecked", size: int = 0, **columns: str
) -> None:
    """A reference of the version, whatever `check_reference` says of its URI."""
    checked = None if state == ReferenceState.UNCHECKED else timezone.now()
    fields = {"reference_identity": "", "reference_version_id": "", "reference_checked_at": checked} | columns
    ArtifactFile.objects.create(
        version=version, path=path, name=path.rpartition("/")[2], size=size, mime_type="text/csv",
        reference_uri=uri, reference_state=state, **fields,
    )  # fmt: skip


def count(version: ArtifactVersion, state: str = "unchecked") -> None:
    """Have the version know how many references it has, and the worst state of them."""
    is_reference = Q(reference_uri__isnull=False)
    sums = version.files.aggregate(
        file_count=Count("pk"), reference_count=Count("pk", filter=is_reference),
        total_size=Sum("size", default=0), referenced_size=Sum("size", filter=is_reference, default=0),
    )  # fmt: skip
    ArtifactVersion.objects.filter(pk=version.pk).update(
        **sums, reference_state=state, references_checked_at=None if state == "unchecked" else timezone.now()
    )
