"""The tables of the app in one step, for new databases, until `events` became an app of its own."""

import django.db.models.deletion
import django.utils.timezone
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    replaces = [
        ("notifications", "0001_who_is_told"),
        ("notifications", "0002_standard_names"),
        ("notifications", "0003_standard_columns"),
    ]

    initial = True

    dependencies = [
        ("accounts", "0006_first_steps"),
        ("artifacts", "0018_usage_by_name"),
    ]

    operations = [
        migrations.CreateModel(
            name="Event",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("alias.created", "An alias was made"),
                            ("alias.moved", "An alias moved"),
                            ("alias.deleted", "An alias was removed"),
                            ("version.finalized", "A version was finalized"),
                            ("version.deleted", "A version was deleted"),
                            ("alias.proposed", "A move was proposed"),
                            ("alias.approved", "A proposed move was approved"),
                            ("alias.rejected", "A proposed move was rejected"),
                            ("webhook.test", "Somebody tries the webhook"),
                            ("webhook.paused", "A webhook was paused"),
                        ],
                        max_length=32,
                    ),
                ),
                ("artifact_id", models.UUIDField(editable=False, null=True)),
                ("alias", models.CharField(blank=True, default="", max_length=100)),
                ("data", models.JSONField(help_text="What is sent, as JSON.")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "announced_at",
                    models.DateTimeField(help_text="Since then it is known who is to be told.", null=True),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="projects.project",
                    ),
                ),
                (
                    "actor",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "recipients",
                    models.JSONField(default=list, help_text="Ids of people to be told whether or not they watch."),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [
                    models.Index(condition=models.Q(("announced_at", None)), fields=["id"], name="event_waiting"),
                    models.Index(fields=["project", "-id"], name="event_of_project"),
                    models.Index(fields=["created_at"], name="event_by_age"),
                ],
                "constraints": [],
            },
        ),
        migrations.CreateModel(
            name="Watch",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "pattern",
                    models.CharField(
                        default="*",
                        help_text="Of the aliases that matter; `*` stands for any characters, `?` for one.",
                        max_length=100,
                    ),
                ),
                ("by_email", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "artifact",
                    models.ForeignKey(
                        db_constraint=False,
                        help_text="Null: the whole project.",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="watches",
                        to="artifacts.artifact",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="watches", to="projects.project"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="watches",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "watches",
                "ordering": ["id"],
                "indexes": [],
                "constraints": [
                    models.UniqueConstraint(fields=("user", "artifact"), name="watch_unique_of_artifact"),
                    models.UniqueConstraint(
                        condition=models.Q(("artifact", None)),
                        fields=("user", "project"),
                        name="watch_unique_of_project",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Webhook",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("url", models.CharField(max_length=2000)),
                ("description", models.CharField(blank=True, default="", max_length=200)),
                ("events", models.JSONField(help_text="The kinds of events that it is told of.")),
                (
                    "secret",
                    models.CharField(help_text="Signs what is sent: `whsec_`, and 32 bytes in base64.", max_length=100),
                ),
                ("active", models.BooleanField(default=True)),
                (
                    "failures",
                    models.PositiveIntegerField(
                        default=0, help_text="Deliveries given up since the last that arrived."
                    ),
                ),
                ("paused_at", models.DateTimeField(null=True)),
                ("pause_reason", models.CharField(blank=True, default="", max_length=300)),
                ("busy_until", models.DateTimeField(help_text="Until then one worker alone sends to it.", null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="webhooks", to="projects.project"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "indexes": [],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("pause_reason", ""), ("paused_at__isnull", True)),
                            models.Q(("paused_at__isnull", False), models.Q(("pause_reason", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="webhook_pause_has_a_reason",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("pending", "Pending"), ("delivered", "Delivered"), ("failed", "Failed")],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="deliveries", to="notifications.event"
                    ),
                ),
                (
                    "webhook",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="notifications.webhook",
                    ),
                ),
                (
                    "attempt_count",
                    models.PositiveIntegerField(default=0, help_text="Attempts since it was last asked for."),
                ),
                ("next_attempt_at", models.DateTimeField(default=django.utils.timezone.now, null=True)),
            ],
            options={
                "verbose_name_plural": "deliveries",
                "ordering": ["-id"],
                "indexes": [
                    models.Index(fields=["webhook", "-id"], name="delivery_newest"),
                    models.Index(
                        condition=models.Q(("state", "pending")), fields=["next_attempt_at"], name="delivery_due"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("webhook", "event"), name="delivery_unique"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("finished_at__isnull", True), ("next_attempt_at__isnull", False), ("state", "pending")
                            ),
                            models.Q(
                                ("finished_at__isnull", False),
                                ("next_attempt_at__isnull", True),
                                ("state__in", ["delivered", "failed"]),
                            ),
                            _connector="OR",
                        ),
                        name="delivery_waits_or_is_over",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="InboxItem",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("read_at", models.DateTimeField(null=True)),
                (
                    "mail",
                    models.CharField(
                        choices=[
                            ("none", "None"),
                            ("pending", "Pending"),
                            ("sent", "Sent"),
                            ("failed", "Failed"),
                            ("dropped", "Dropped"),
                        ],
                        default="none",
                        max_length=10,
                    ),
                ),
                ("mail_attempts", models.PositiveIntegerField(default=0)),
                ("next_mail_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="inbox_items",
                        to="notifications.event",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="inbox_items",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        choices=[("watching", "You watch it"), ("concerned", "It concerns you")], max_length=16
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [
                    models.Index(fields=["user", "-id"], name="notice_newest"),
                    models.Index(condition=models.Q(("read_at", None)), fields=["user"], name="notice_unread"),
                    models.Index(
                        condition=models.Q(("mail", "pending")), fields=["next_mail_at"], name="notice_mail_due"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("user", "event"), name="notice_unique"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("mail", "pending"), ("next_mail_at__isnull", False)),
                            models.Q(models.Q(("mail", "pending"), _negated=True), ("next_mail_at", None)),
                            _connector="OR",
                        ),
                        name="notice_mail_waits_or_is_over",
                    ),
                ],
                "db_table": "notifications_notice",
                "verbose_name": "notification",
            },
        ),
        migrations.CreateModel(
            name="Attempt",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("headers", models.JSONField(help_text="Of the request, as sent.")),
                ("status_code", models.PositiveIntegerField(help_text="Null: no answer came.", null=True)),
                ("response", models.TextField(blank=True, default="", help_text="The beginning of the answer's body.")),
                ("error", models.CharField(blank=True, default="", max_length=300)),
                ("duration_ms", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "delivery",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attempts",
                        to="notifications.delivery",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "indexes": [],
                "constraints": [],
            },
        ),
    ]
