"""The outbox becomes an app of its own. Its table was made by `notifications` and keeps its name and its rows."""

import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models
from django.utils import timezone

import events.kinds


def move_content_type(apps, schema_editor, before="notifications", after="events"):
    """So that what somebody may do with events in the admin stays what it was."""
    content_types = apps.get_model("contenttypes", "ContentType").objects.using(schema_editor.connection.alias)
    content_types.filter(app_label=before, model="event").update(app_label=after)


def move_content_type_back(apps, schema_editor):
    move_content_type(apps, schema_editor, "events", "notifications")


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("contenttypes", "0002_remove_content_type_name"),
        ("notifications", "0003_standard_columns"),
        ("projects", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="Event",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("kind", models.CharField(choices=events.kinds.choices, max_length=32)),
                        (
                            "project",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=models.CASCADE,
                                related_name="+",
                                to="projects.project",
                            ),
                        ),
                        ("artifact_id", models.UUIDField(editable=False, null=True)),
                        ("alias", models.CharField(blank=True, default="", max_length=100)),
                        ("data", models.JSONField(help_text="What is sent, as JSON.")),
                        (
                            "actor",
                            models.ForeignKey(
                                null=True,
                                on_delete=models.SET_NULL,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "recipients",
                            models.JSONField(
                                default=list, help_text="Ids of people to be told whether or not they watch."
                            ),
                        ),
                        ("created_at", models.DateTimeField(default=timezone.now)),
                        (
                            "announced_at",
                            models.DateTimeField(help_text="Since then it is known who is to be told.", null=True),
                        ),
                    ],
                    options={
                        "db_table": "notifications_event",
                        "ordering": ["-id"],
                        "indexes": [
                            models.Index(
                                condition=models.Q(("announced_at", None)), fields=["id"], name="event_waiting"
                            ),
                            models.Index(fields=["project", "-id"], name="event_of_project"),
                            models.Index(fields=["created_at"], name="event_by_age"),
                        ],
                    },
                ),
            ]
        ),
        migrations.AddConstraint(
            "event",
            models.CheckConstraint(
                condition=models.Q(("kind__regex", r"\A[a-z]+(\.[a-z]+)+\Z")), name="event_kind_is_valid"
            ),
        ),
        migrations.RunPython(move_content_type, move_content_type_back),
    ]
