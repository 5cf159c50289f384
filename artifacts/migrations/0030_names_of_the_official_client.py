"""Artifacts, types, aliases and tags have the names that the wandb client gives them."""

from django.conf import settings
from django.db import migrations, models

import artifacts.models.alias_sort_key

_LETTER = r"[^/:\u0001-\u001f\u007f-\u009f]"
_LABEL = rf"\A(?!\.{{1,2}}\Z)(?! ){_LETTER}{{0,127}}(?! ){_LETTER}\Z"


def widen_record(apps, schema_editor):
    """SQLite bounds no text, and to alter the table would make it anew, without its triggers."""
    if schema_editor.connection.vendor == "postgresql":
        table = "ALTER TABLE artifacts_aliaschange"
        schema_editor.execute(f"{table} ALTER COLUMN alias TYPE varchar(128)")
        schema_editor.execute(f"{table} ALTER COLUMN artifact_name TYPE varchar(400)")


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_former_numbers_from_zero"),
        ("artifacts", "0029_version_tags"),
        ("projects", "0005_runs_of_the_official_client"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="aliaschange",
                    name="alias",
                    field=models.CharField(max_length=128),
                ),
                migrations.AlterField(
                    model_name="aliaschange",
                    name="artifact_name",
                    field=models.CharField(help_text="`team/project/name` as it was.", max_length=400),
                ),
            ],
            database_operations=[migrations.RunPython(widen_record, migrations.RunPython.noop)],
        ),
        migrations.RemoveConstraint(
            model_name="artifact",
            name="artifact_name_is_valid",
        ),
        migrations.RemoveConstraint(
            model_name="artifact",
            name="artifact_type_is_valid",
        ),
        migrations.RemoveConstraint(
            model_name="artifactalias",
            name="alias_is_valid",
        ),
        migrations.AlterField(
            model_name="aliasproposal",
            name="alias",
            field=models.CharField(max_length=128),
        ),
        migrations.AlterField(
            model_name="artifact",
            name="type",
            field=models.CharField(max_length=128),
        ),
        migrations.AlterField(
            model_name="artifactalias",
            name="alias",
            field=models.CharField(max_length=128),
        ),
        migrations.AlterField(
            model_name="artifactalias",
            name="sort_key",
            field=artifacts.models.alias_sort_key.AliasSortKeyField(default=b"", max_length=1200),
        ),
        migrations.AlterField(
            model_name="artifacttag",
            name="tag",
            field=models.CharField(max_length=128),
        ),
        migrations.AlterField(
            model_name="versionsource",
            name="requested_as",
            field=models.CharField(
                blank=True,
                default="",
                help_text="How it was asked for: an alias, or a version such as `v3`.",
                max_length=128,
            ),
        ),
        migrations.AddConstraint(
            model_name="artifact",
            constraint=models.CheckConstraint(
                condition=models.Q(("name__regex", "\\A(?!\\.{1,2}\\Z)[A-Za-z0-9._-]{1,128}\\Z")),
                name="artifact_name_is_valid",
                violation_error_message="An artifact name has 1 to 128 letters, digits, dots, underscores and hyphens, "
                "and starts with a letter or digit.",
            ),
        ),
        migrations.AddConstraint(
            model_name="artifact",
            constraint=models.CheckConstraint(
                condition=models.Q(("type__regex", _LABEL)),
                name="artifact_type_is_valid",
            ),
        ),
        migrations.AddConstraint(
            model_name="artifactalias",
            constraint=models.CheckConstraint(
                condition=models.Q(("alias__regex", _LABEL)),
                name="alias_is_valid",
            ),
        ),
    ]
