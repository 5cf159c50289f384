"""Columns get the field's standard names, and the database no longer lists the kinds of events."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("notifications", "0002_standard_names")]

    operations = [
        migrations.RemoveConstraint("event", "event_kind_is_known"),
        migrations.RenameField("event", "by", "actor"),
        migrations.RenameField("event", "tell", "recipients"),
        migrations.RenameField("inboxitem", "why", "reason"),
        migrations.AlterField(
            "attempt",
            "delivery",
            models.ForeignKey(on_delete=models.CASCADE, related_name="attempts", to="notifications.delivery"),
        ),
        migrations.RenameField("delivery", "attempts", "attempt_count"),
        migrations.RenameField("delivery", "next_try_at", "next_attempt_at"),
        migrations.AlterField(
            "delivery",
            "attempt_count",
            models.PositiveIntegerField(default=0, help_text="Attempts since it was last asked for."),
        ),
        # The database has these by now: renaming a column renames it there too.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveConstraint("delivery", "delivery_waits_or_is_over"),
                migrations.AddConstraint(
                    "delivery",
                    models.CheckConstraint(
                        condition=Q(state="pending", next_attempt_at__isnull=False, finished_at__isnull=True)
                        | Q(state__in=["delivered", "failed"], next_attempt_at__isnull=True, finished_at__isnull=False),
                        name="delivery_waits_or_is_over",
                    ),
                ),
                migrations.RemoveIndex("delivery", "delivery_due"),
                migrations.AddIndex(
                    "delivery",
                    models.Index(fields=["next_attempt_at"], condition=Q(state="pending"), name="delivery_due"),
                ),
            ]
        ),
    ]
