"""Rows by which the search finds things, the indexes on their texts, and the rows of what there is already."""

import django.db.models.deletion
from django.db import DatabaseError, migrations, models, transaction

from artifacts import search_index
from core.sqlite import full_text

_TABLE = "artifacts_searchdocument"
_WITHOUT_TRIGRAMS = """
The extension pg_trgm is missing, and this database user may not create it: searches read all texts until an
administrator has run, in this database:
  CREATE EXTENSION pg_trgm;
  CREATE INDEX search_document_text ON artifacts_searchdocument USING gin (text gin_trgm_ops);
"""


def index_texts(apps, schema_editor):
    """By triples of characters, on both databases; without an index searches are slower, and find the same."""
    if schema_editor.connection.vendor == "sqlite":
        full_text.create(schema_editor, _TABLE)
        return
    try:
        with transaction.atomic(schema_editor.connection.alias):
            schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            schema_editor.execute(f"CREATE INDEX search_document_text ON {_TABLE} USING gin (text gin_trgm_ops)")
    except DatabaseError:
        print(_WITHOUT_TRIGRAMS)


def drop_index(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        full_text.drop(schema_editor, _TABLE)


def fill(apps, schema_editor):
    search_index.rebuild(apps.get_model)


class Migration(migrations.Migration):
    dependencies = [
        ("artifacts", "0013_file_order"),
        ("projects", "0003_runs_by_column"),
    ]

    operations = [
        migrations.CreateModel(
            name="SearchDocument",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "part",
                    models.CharField(
                        choices=[
                            ("text", "Names, descriptions, tags, keys and texts"),
                            ("files", "Paths of files, each in a line"),
                            ("reason", "The reason of a change of an alias"),
                        ],
                        max_length=8,
                    ),
                ),
                ("text", models.TextField(help_text="Case-folded.")),
                (
                    "artifact",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="artifacts.artifact",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="projects.project"
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="projects.run"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="artifacts.artifactversion",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="SearchValue",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("key", models.CharField(help_text="Case-folded.", max_length=200)),
                ("number", models.FloatField(null=True)),
                ("text", models.CharField(help_text="Case-folded, and cut.", max_length=200)),
                (
                    "artifact",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="artifacts.artifact",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="projects.project"
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="projects.run"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="artifacts.artifactversion",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["project", "key", "number"], name="search_value_by_number"),
                    models.Index(fields=["project", "key", "text"], name="search_value_by_text"),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="artifactversion",
            index=models.Index(fields=["artifact", "file_count", "id"], name="version_by_file_count"),
        ),
        migrations.AddIndex(
            model_name="artifactversion",
            index=models.Index(fields=["artifact", "total_size", "id"], name="version_by_total_size"),
        ),
        migrations.RunPython(index_texts, drop_index),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
