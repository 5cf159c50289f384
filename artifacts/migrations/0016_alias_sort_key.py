"""Aliases get a column by which they are listed as people read them: `production` first, `v0.2.0` before `v0.10.0`.

Changes of aliases say whether they were rollbacks. The column is nullable: SQLite would make the table anew otherwise,
without its triggers.
"""

from django.db import migrations, models

import artifacts.models.alias_sort_key
from artifacts.models.alias_sort_key import sort_key

_BATCH_SIZE = 1000


def fill(apps, schema_editor):
    model = apps.get_model("artifacts", "ArtifactAlias")
    batch = []
    for row in model.objects.only("alias").order_by("pk").iterator(chunk_size=_BATCH_SIZE):
        row.sort_key = sort_key(row.alias)
        batch.append(row)
        if len(batch) == _BATCH_SIZE:
            model.objects.bulk_update(batch, ["sort_key"])
            batch = []
    model.objects.bulk_update(batch, ["sort_key"])


class Migration(migrations.Migration):
    dependencies = [("artifacts", "0015_index_by_project")]

    operations = [
        migrations.AddField(
            model_name="artifactalias",
            name="sort_key",
            field=artifacts.models.alias_sort_key.AliasSortKeyField(default=b"", max_length=400),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="artifactalias",
            index=models.Index(fields=["artifact", "sort_key"], name="alias_in_order"),
        ),
        migrations.AlterModelOptions(
            name="artifactalias", options={"ordering": ["sort_key"], "verbose_name_plural": "artifact aliases"}
        ),
        migrations.AddField(
            model_name="aliaschange",
            name="is_rollback",
            field=models.BooleanField(null=True, help_text="Back to the version before; unknown of old changes."),
        ),
    ]
