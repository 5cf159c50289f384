"""Lists sorted by size, and searches that no index on texts serves, cost the same however much there is.

Artifacts remember the size of their newest version. Each folder in one with very many entries gets a summary: those of
versions with such folders are made anew, the others stay as they are.
"""

from itertools import islice

from django.db import migrations, models
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce

import artifacts.models.file
from artifacts import folder_summaries

_BATCH_SIZE = 1_000


def set_latest_size(apps, schema_editor):
    database = schema_editor.connection.alias
    versions = apps.get_model("artifacts", "ArtifactVersion").objects.using(database)
    newest = versions.filter(artifact=OuterRef("pk"), number=OuterRef("latest_version_number"))
    rows = apps.get_model("artifacts", "Artifact").objects.using(database).filter(latest_version_number__isnull=False)
    rows.update(latest_size=Coalesce(Subquery(newest.values("total_size")[:1]), F("latest_size")))


def list_folders(apps, schema_editor):
    database = schema_editor.connection.alias
    folders = apps.get_model("artifacts", "FolderSummary").objects.using(database)
    versions = apps.get_model("artifacts", "ArtifactVersion").objects.using(database)
    crowded = folders.filter(entry_count__gt=folder_summaries.MAX_SORTED).order_by().values("version").distinct()
    for version in versions.filter(pk__in=list(crowded.values_list("version", flat=True))).only("pk").iterator():
        folders.filter(version=version).delete()
        files = version.files.order_by("path").values_list("path", "size", "blob").iterator(chunk_size=_BATCH_SIZE)
        rows = folder_summaries.to_store(folder_summaries.summarise(files))
        while batch := list(islice(rows, _BATCH_SIZE)):
            folders.bulk_create(
                folders.model(version=version, path=summary.path, listed_in=listed_in, **summary.numbers)
                for summary, listed_in in batch
            )


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
            field=artifacts.models.file.PathField(
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
