"""All tables of the app in one step, for new databases."""

import django.db.models.deletion
import django.utils.timezone
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models

import projects.validators


class Migration(migrations.Migration):
    replaces = [
        ("projects", "0001_initial"),
        ("projects", "0002_run_history_and_resuming"),
        ("projects", "0003_runs_by_column"),
        ("projects", "0004_run_environment"),
    ]

    initial = True

    dependencies = [
        ("accounts", "0006_first_steps"),
    ]

    operations = [
        migrations.CreateModel(
            name="Project",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=128, validators=[projects.validators.validate_name])),
                ("description", models.TextField(blank=True)),
                (
                    "visibility",
                    models.CharField(
                        choices=[("private", "Private"), ("internal", "Internal")], default="private", max_length=10
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="projects",
                        to="accounts.team",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["visibility"], name="project_visibility")],
                "constraints": [
                    models.UniqueConstraint(fields=("team", "name"), name="project_name_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("name__regex", "\\A[A-Za-z0-9][A-Za-z0-9._-]{0,127}\\Z")),
                        name="project_name_form",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("visibility__in", ["private", "internal"])), name="project_visibility_known"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Run",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=128, validators=[projects.validators.validate_name])),
                ("display_name", models.CharField(blank=True, max_length=256)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("finished", "Finished"),
                            ("crashed", "Crashed"),
                            ("killed", "Killed"),
                        ],
                        default="running",
                        max_length=10,
                    ),
                ),
                ("config", models.JSONField(blank=True, default=dict)),
                ("summary", models.JSONField(blank=True, default=dict)),
                ("tags", models.JSONField(blank=True, default=list)),
                ("notes", models.TextField(blank=True)),
                ("job_type", models.CharField(blank=True, max_length=128)),
                ("group", models.CharField(blank=True, max_length=128)),
                ("host", models.CharField(blank=True, max_length=255)),
                ("git_commit", models.CharField(blank=True, max_length=64)),
                ("git_remote", models.CharField(blank=True, max_length=1024)),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("heartbeat_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="runs",
                        to="projects.project",
                    ),
                ),
                ("history_row_count", models.PositiveIntegerField(default=0, editable=False)),
                (
                    "history_size",
                    models.PositiveBigIntegerField(default=0, editable=False, help_text="Bytes of the rows as JSON."),
                ),
                ("idempotency_key", models.UUIDField(editable=False, null=True)),
                (
                    "last_step",
                    models.BigIntegerField(editable=False, help_text="The largest step of the history.", null=True),
                ),
                ("exit_code", models.IntegerField(blank=True, null=True)),
                (
                    "error",
                    models.CharField(
                        blank=True, help_text="The last line of the error that ended it.", max_length=1024
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["project", "id"], name="run_project_newest"),
                    models.Index(
                        condition=models.Q(("state", "running")), fields=["heartbeat_at"], name="run_running_heartbeat"
                    ),
                    models.Index(fields=["project", "state", "id"], name="run_by_state"),
                    models.Index(fields=["project", "job_type", "id"], name="run_by_job_type"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("project", "name"), name="run_name_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("name__regex", "\\A[A-Za-z0-9][A-Za-z0-9._-]{0,127}\\Z")),
                        name="run_name_form",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("finished_at", None), ("state", "running")),
                            ("state", "crashed"),
                            models.Q(("finished_at__isnull", False), ("state__in", ["finished", "killed"])),
                            _connector="OR",
                        ),
                        name="run_state_known",
                    ),
                    models.UniqueConstraint(fields=("project", "idempotency_key"), name="run_idempotency_key_unique"),
                ],
            },
        ),
        migrations.CreateModel(
            name="HistoryBatch",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("end_row", models.PositiveIntegerField()),
                ("row_count", models.PositiveIntegerField()),
                ("first_step", models.BigIntegerField(help_text="The smallest step of the rows.")),
                ("last_step", models.BigIntegerField(help_text="The largest step of the rows.")),
                ("size", models.PositiveIntegerField(help_text="Bytes of the rows as JSON.")),
                ("rows", models.JSONField()),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="history_batches",
                        to="projects.run",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "history batches",
                "indexes": [],
                "constraints": [models.UniqueConstraint(fields=("run", "end_row"), name="history_batch_end_unique")],
            },
        ),
        migrations.CreateModel(
            name="HistoryWriter",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("writer", models.UUIDField()),
                ("row_count", models.PositiveIntegerField(default=0)),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="history_writers",
                        to="projects.run",
                    ),
                ),
            ],
            options={
                "indexes": [],
                "constraints": [models.UniqueConstraint(fields=("run", "writer"), name="history_writer_unique")],
            },
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
                ("command", models.CharField(blank=True, max_length=4096)),
                ("python_version", models.CharField(blank=True, max_length=64)),
                (
                    "packages",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="Version by name.",
                        validators=[projects.validators.validate_packages],
                    ),
                ),
            ],
            options={
                "indexes": [],
                "constraints": [],
            },
        ),
    ]
