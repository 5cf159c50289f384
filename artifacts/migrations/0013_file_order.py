"""The order of files as people expect it, and how large folders are; for the files that are there, in batches."""

import django.db.models.deletion
import uuid_utils.compat
from django.db import migrations, models

import artifacts.models.file
from artifacts import folder_summaries, natural_order

_BATCH_SIZE = 1_000


def set_sort_keys(apps, schema_editor):
    files = apps.get_model("artifacts", "ArtifactFile").objects.using(schema_editor.connection.alias).order_by("pk")
    batch = list(files.only("pk", "path")[:_BATCH_SIZE])
    while batch:
        for file in batch:
            file.sort_key = natural_order.sort_key(file.path)
        files.bulk_update(batch, ["sort_key"], batch_size=_BATCH_SIZE // 4)
        batch = list(files.only("pk", "path").filter(pk__gt=batch[-1].pk)[:_BATCH_SIZE])


def store_folder_summaries(apps, schema_editor):
    database = schema_editor.connection.alias
    versions = apps.get_model("artifacts", "ArtifactVersion").objects.using(database)
    folders = apps.get_model("artifacts", "FolderSummary").objects.using(database)
    large = versions.filter(state="finalized", file_count__gt=folder_summaries.MAX_COUNTED_FILES)
    for version in large.only("pk").iterator():
        rows = version.files.order_by("path").values_list("path", "size", "blob_id").iterator(chunk_size=_BATCH_SIZE)
        folders.bulk_create(
            (
                folders.model(
                    version=version,
                    path=summary.path,
                    entry_count=summary.entry_count,
                    file_count=summary.file_count,
                    total_size=summary.total_size,
                )
                for summary in folder_summaries.summarise(rows)
                if summary.file_count > folder_summaries.MAX_COUNTED_FILES
            ),
            batch_size=_BATCH_SIZE,
        )


class Migration(migrations.Migration):
    dependencies = [("artifacts", "0012_executable_files")]

    operations = [
        migrations.AddField(
            model_name="artifactfile",
            name="sort_key",
            field=artifacts.models.file.SortKeyField(default="", editable=False, max_length=3000),
        ),
        migrations.CreateModel(
            name="FolderSummary",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("path", artifacts.models.file.PathField(blank=True, max_length=1024)),
                (
                    "entry_count",
                    models.PositiveIntegerField(help_text="Files and folders that lie in it directly."),
                ),
                ("file_count", models.PositiveIntegerField(help_text="All files below it.")),
                ("total_size", models.BigIntegerField(help_text="Bytes of all files below it.")),
                (
                    "version",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="folders",
                        to="artifacts.artifactversion",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=["version", "path"], name="folder_path_unique")],
            },
        ),
        migrations.RunPython(set_sort_keys, migrations.RunPython.noop),
        migrations.RunPython(store_folder_summaries, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="artifactfile",
            index=models.Index(fields=["version", "sort_key"], name="file_by_sort_key"),
        ),
    ]
