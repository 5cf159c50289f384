"""Events are of the app `events` by now. The table, and all that points at it, stays as it is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0003_standard_columns"), ("events", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    "delivery",
                    "event",
                    models.ForeignKey(on_delete=models.CASCADE, related_name="deliveries", to="events.event"),
                ),
                migrations.AlterField(
                    "inboxitem",
                    "event",
                    models.ForeignKey(on_delete=models.CASCADE, related_name="inbox_items", to="events.event"),
                ),
                migrations.DeleteModel("Event"),
            ]
        )
    ]
