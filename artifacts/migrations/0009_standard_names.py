"""Columns and a model get the field's standard names, and the database function that moved an alias goes."""

from importlib import import_module

from django.db import migrations, models

_move_alias = import_module("artifacts.migrations.0007_move_alias")


class Migration(migrations.Migration):
    dependencies = [("artifacts", "0008_artifacts_by_column")]

    operations = [
        migrations.RunPython(_move_alias.drop, _move_alias.create),
        migrations.RenameField("aliaschange", "face", "channel"),
        migrations.RenameField("artifact", "latest_number", "latest_version_number"),
        migrations.RenameField("artifact", "last_number", "last_assigned_number"),
        # The database has the constraint by now: renaming a column renames it there too.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveConstraint("artifact", "artifact_latest_is_handed_out"),
                migrations.AddConstraint(
                    "artifact",
                    models.CheckConstraint(
                        condition=models.Q(latest_version_number__isnull=True)
                        | models.Q(latest_version_number__lte=models.F("last_assigned_number")),
                        name="artifact_latest_is_handed_out",
                    ),
                ),
            ]
        ),
        # The table keeps its name.
        migrations.AlterModelTable("pulse", "artifacts_pulse"),
        migrations.RenameModel("Pulse", "WorkerHeartbeat"),
        migrations.AlterModelOptions("workerheartbeat", {"verbose_name": "heartbeat"}),
        migrations.RenameField("workerheartbeat", "at", "last_seen_at"),
    ]
