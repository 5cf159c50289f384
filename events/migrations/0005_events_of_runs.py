"""Alerts name their run in a column: it was looked for in the JSON of all events of the project."""

from uuid import UUID

from django.db import migrations, models

_BATCH_SIZE = 500


def fill(apps, schema_editor):
    """As the verb wrote it when the column was new."""
    rows = apps.get_model("events", "Event").objects.filter(kind="run.alert", run_id=None).order_by("pk")
    batch = []
    for row in rows.only("data").iterator(chunk_size=_BATCH_SIZE):
        run = row.data.get("run") if isinstance(row.data, dict) else None
        if isinstance(run, dict) and isinstance(run.get("id"), str):
            row.run_id = UUID(run["id"])
            batch.append(row)
    apps.get_model("events", "Event").objects.bulk_update(batch, ["run_id"], batch_size=_BATCH_SIZE)


class Migration(migrations.Migration):
    dependencies = [("events", "0004_longer_names")]

    operations = [
        migrations.AddField(
            model_name="event",
            name="run_id",
            field=models.UUIDField(editable=False, help_text="Of an alert.", null=True),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("run_id__isnull", False)),
                fields=["run_id", "created_at"],
                name="event_of_run",
            ),
        ),
    ]
