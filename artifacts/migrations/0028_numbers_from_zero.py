"""Artifacts that the wandb client makes begin at `v0`; the number last handed out is null where none was."""

from django.db import migrations, models


def say_null(apps, schema_editor):
    rows = apps.get_model("artifacts", "Artifact").objects.using(schema_editor.connection.alias)
    rows.filter(last_assigned_number=0).update(last_assigned_number=None)


def say_zero(apps, schema_editor):
    rows = apps.get_model("artifacts", "Artifact").objects.using(schema_editor.connection.alias)
    rows.filter(last_assigned_number__isnull=True).update(last_assigned_number=0)


class Migration(migrations.Migration):
    dependencies = [("artifacts", "0027_run_objects")]

    operations = [
        migrations.AddField(
            "artifact",
            "first_number",
            models.PositiveSmallIntegerField(
                default=1, editable=False, help_text="Of its first version: 0 where the wandb client made the artifact."
            ),
        ),
        migrations.AlterField(
            "artifact",
            "last_assigned_number",
            models.PositiveIntegerField(editable=False, help_text="The last number handed out.", null=True),
        ),
        migrations.RunPython(say_null, say_zero),
        migrations.RemoveConstraint("artifact", "artifact_latest_is_handed_out"),
        migrations.AddConstraint(
            "artifact",
            models.CheckConstraint(
                condition=models.Q(latest_version_number__isnull=True)
                | models.Q(
                    last_assigned_number__isnull=False,
                    latest_version_number__lte=models.F("last_assigned_number"),
                ),
                name="artifact_latest_is_handed_out",
            ),
        ),
        migrations.RemoveConstraint("artifactversion", "version_number_is_positive"),
        migrations.AddConstraint(
            "artifactversion",
            models.CheckConstraint(condition=models.Q(number__gte=0), name="version_number_is_positive"),
        ),
    ]
