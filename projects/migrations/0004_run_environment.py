import django.db.models.deletion
from django.db import migrations, models

import projects.validators


class Migration(migrations.Migration):
    dependencies = [("projects", "0003_runs_by_column")]

    operations = [
        migrations.AddField("run", "exit_code", models.IntegerField(null=True, blank=True)),
        migrations.AddField(
            "run",
            "error",
            models.CharField(max_length=1024, blank=True, help_text="The last line of the error that ended it."),
        ),
        migrations.CreateModel(
            name="RunEnvironment",
            fields=[
                (
                    "run",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="environment",
                        serialize=False,
                        to="projects.run",
                    ),
                ),
                ("command", models.CharField(max_length=4096, blank=True)),
                ("python_version", models.CharField(max_length=64, blank=True)),
                (
                    "packages",
                    models.JSONField(
                        default=dict,
                        blank=True,
                        help_text="Version by name.",
                        validators=[projects.validators.validate_packages],
                    ),
                ),
            ],
        ),
    ]
