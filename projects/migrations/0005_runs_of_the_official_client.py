import secrets

from django.db import migrations, models
from django.db.models import Q

import projects.models.project

_OPEN = ["running", "pending", "preempting"]
_ENDED = ["finished", "failed", "killed"]
_CONTROL = r"\u0001-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"
_INSIDE = rf"[^/\\#?\u0025:{_CONTROL}]"
_AT_ENDS = rf"[^/\\#?\u0025: {_CONTROL}]"
_NAME = rf"\A(?![.]{{1,2}}\Z)(?={_AT_ENDS}){_INSIDE}{{0,127}}{_AT_ENDS}\Z"


def number_projects(apps, schema_editor):
    """Each gets a number of its own: the column's default was one for all."""
    model = apps.get_model("projects", "Project")
    found = list(model.objects.only("pk"))
    numbers: set[int] = set()
    while len(numbers) < len(found):
        numbers.add(secrets.randbelow(2**31 - 1) + 1)
    for row, number in zip(found, numbers, strict=True):
        row.serial = number
    model.objects.bulk_update(found, ["serial"], batch_size=500)


class Migration(migrations.Migration):
    dependencies = [("projects", "0004_run_environment")]

    operations = [
        migrations.RemoveConstraint("project", "project_name_form"),
        migrations.RemoveConstraint("run", "run_name_form"),
        migrations.RemoveConstraint("run", "run_state_known"),
        migrations.AddField(
            "project",
            "serial",
            models.PositiveIntegerField(default=projects.models.project.random_serial, editable=False),
        ),
        migrations.RunPython(number_projects, migrations.RunPython.noop, elidable=True),
        migrations.AddField(
            "run", "program", models.CharField(max_length=1024, blank=True, help_text="The path of the script.")
        ),
        migrations.AddField("run", "sweep_name", models.CharField(max_length=128, blank=True)),
        migrations.AddField(
            "run",
            "stop_requested",
            models.BooleanField(default=False, editable=False, help_text="Its process is asked to stop."),
        ),
        migrations.AddField(
            "run",
            "system_metrics",
            models.JSONField(default=dict, blank=True, editable=False, help_text="The last of each."),
        ),
        migrations.AddField("run", "wandb", models.JSONField(default=dict, blank=True, editable=False)),
        migrations.AlterField(
            "run",
            "state",
            models.CharField(
                max_length=10,
                default="running",
                choices=[
                    ("running", "Running"),
                    ("finished", "Finished"),
                    ("failed", "Failed"),
                    ("crashed", "Crashed"),
                    ("killed", "Killed"),
                    ("pending", "Pending"),
                    ("preempting", "Preempting"),
                    ("preempted", "Preempted"),
                ],
            ),
        ),
        migrations.RemoveIndex("run", "run_running_heartbeat"),
        migrations.AddIndex(
            "run",
            models.Index(
                fields=["heartbeat_at"],
                condition=Q(state__in=["running", "preempting"]),
                name="run_running_heartbeat",
            ),
        ),
        migrations.AddConstraint("project", models.UniqueConstraint(fields=["serial"], name="project_serial_unique")),
        migrations.AddConstraint(
            "project",
            models.CheckConstraint(condition=Q(name__regex=_NAME), name="project_name_form"),
        ),
        migrations.AddConstraint("run", models.CheckConstraint(condition=Q(name__regex=_NAME), name="run_name_form")),
        migrations.AddConstraint(
            "run",
            models.CheckConstraint(
                condition=Q(state__in=_OPEN, finished_at=None)
                | Q(state__in=["crashed", "preempted"])
                | Q(state__in=_ENDED, finished_at__isnull=False),
                name="run_state_known",
            ),
        ),
    ]
