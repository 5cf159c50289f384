"""What stands out among the files of a version: its card, a README, and the first paths, which tell what it holds."""

from dataclasses import dataclass

from django.db import connection
from django.db.models.expressions import RawSQL

from artifacts.models import ArtifactFile, ArtifactVersion

CARDS = ("README.md", "readme.md", "Readme.md", "README.markdown", "README.MD")
MAX_PATHS = 100


@dataclass(frozen=True, slots=True)
class Highlights:
    """`card` comes with its blob; `paths` are at most `MAX_PATHS`, sorted, and the card's."""

    card: ArtifactFile | None
    paths: list[str]


def of(version: ArtifactVersion) -> Highlights:
    """One query, which reads no more however many files there are."""
    table = connection.ops.quote_name(ArtifactFile._meta.db_table)
    # The planner would read all files of the version for an OR of the two.
    cards = f"SELECT id FROM {table} WHERE version_id = %s AND path IN ({', '.join(['%s'] * len(CARDS))})"
    first = f"SELECT id FROM {table} WHERE version_id = %s ORDER BY path LIMIT {MAX_PATHS}"
    pk = ArtifactVersion._meta.pk.get_db_prep_value(version.contents_id, connection)
    both = f"SELECT id FROM ({cards}) card_files UNION ALL SELECT id FROM ({first}) first_files"
    ids = RawSQL(both, (pk, *CARDS, pk))
    files = ArtifactFile.objects.filter(pk__in=ids).select_related("blob__object").order_by("path")
    by_path = {file.path: file for file in files}
    # What is kept elsewhere cannot be shown.
    card = next((by_path[name] for name in CARDS if name in by_path and by_path[name].blob_id), None)
    if card:
        card.version = version
    return Highlights(card, list(by_path))
