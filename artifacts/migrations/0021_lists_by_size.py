"""Lists sorted by size, and searches that no index on texts serves, cost the same however much there is.

Artifacts remember the size of their newest version. Each folder in one with very many entries gets a summary, or has
one already, which then says where the folder is listed.
"""

from itertools import groupby, islice

from django.db import migrations, models
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce

import artifacts.models.path_fields

_BATCH_SIZE = 1_000
# A folder with more entries is sorted by the database.
_MAX_SORTED = 1_000


def set_latest_size(apps, schema_editor):
    database = schema_editor.connection.alias
    versions = apps.get_model("artifacts", "ArtifactVersion").objects.using(database)
    newest = versions.filter(artifact=OuterRef("pk"), number=OuterRef("latest_version_number"))
    rows = apps.get_model("artifacts", "Artifact").objects.using(database).filter(latest_version_number__isnull=False)
    rows.update(latest_size=Coalesce(Subquery(newest.values("total_size")[:1]), F("latest_size")))


def list_folders(apps, schema_editor):
    database = schema_editor.connection.alias
    folders = apps.get_model("artifacts", "FolderSummary").objects.using(database)
    files = apps.get_model("artifacts", "ArtifactFile").objects.using(database)
    crowded = folders.filter(entry_count__gt=_MAX_SORTED).values_list("version_id", "path")
    for version_id, folder in list(crowded):
        below = files.filter(version_id=version_id, path__gte=folder, path__lt=f"{folder}\U0010ffff").order_by("path")
        rows = below.values_list("path", "size", "blob_id").iterator(chunk_size=_BATCH_SIZE)
        summaries = _summaries(folder, rows)
        while batch := list(islice(summaries, _BATCH_SIZE)):
            known = folders.filter(version_id=version_id, path__in=[summary["path"] for summary in batch])
            paths = set(known.values_list("path", flat=True))
            known.update(listed_in=folder)
            folders.bulk_create(
                folders.model(version_id=version_id, listed_in=folder, **summary)
                for summary in batch
                if summary["path"] not in paths
            )


def _summaries(folder, files):
    """What lies in each of the folders in this one, of its files in the order of their paths."""
    start = len(folder)

    def end(path, start):
        """Where the name that begins there ends, with its slash if it is a folder."""
        return path.find("/", start) + 1 or len(path)

    for path, group in groupby(files, lambda file: file[0][: end(file[0], start)]):
        if path.endswith("/"):
            rows = list(group)
            references = [size for _, size, blob in rows if blob is None]
            yield {
                "path": path,
                "entry_count": len({file[: end(file, len(path))] for file, _, _ in rows}),
                "file_count": len(rows),
                "total_size": sum(size for _, size, _ in rows),
                "reference_count": len(references),
                "referenced_size": sum(references),
            }


class Migration(migrations.Migration):
    dependencies = [("artifacts", "0020_proposed_rollbacks")]

    operations = [
        migrations.AddField(
            model_name="artifact",
            name="latest_size",
            field=models.BigIntegerField(
                default=0,
                editable=False,
                help_text="Bytes of the newest finalized version; 0 where there is none.",
            ),
        ),
        migrations.AddField(
            model_name="foldersummary",
            name="listed_in",
            field=artifacts.models.path_fields.PathField(
                help_text="The folder that it is in, where that is sorted by an index; else null.",
                max_length=1024,
                null=True,
            ),
        ),
        migrations.AddIndex(
            model_name="artifact",
            index=models.Index(fields=["latest_size", "name"], name="artifact_by_size"),
        ),
        migrations.AddIndex(
            model_name="foldersummary",
            index=models.Index(
                condition=models.Q(("listed_in__isnull", False)),
                fields=["version", "listed_in", "total_size", "path"],
                name="folder_by_size",
            ),
        ),
        migrations.AddIndex(
            model_name="searchdocument",
            index=models.Index(fields=["project", "id"], name="search_document_newest"),
        ),
        migrations.RunPython(set_latest_size, migrations.RunPython.noop),
        migrations.RunPython(list_folders, migrations.RunPython.noop),
    ]
