"""A number last handed out may be 0, of `v0`: what had no version says null."""

from django.db import migrations, models


def say_null(apps, schema_editor):
    rows = apps.get_model("accounts", "FormerName").objects.using(schema_editor.connection.alias)
    rows.filter(last_assigned_number=0).update(last_assigned_number=None)


def say_zero(apps, schema_editor):
    rows = apps.get_model("accounts", "FormerName").objects.using(schema_editor.connection.alias)
    rows.filter(last_assigned_number__isnull=True).update(last_assigned_number=0)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_first_steps")]

    operations = [
        migrations.AlterField(
            "formername",
            "last_assigned_number",
            models.PositiveIntegerField(help_text="Of an artifact: the last number of a version by then.", null=True),
        ),
        migrations.RunPython(say_null, say_zero),
    ]
