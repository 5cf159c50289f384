from django.db import migrations, models


class Migration(migrations.Migration):
    """Also `version.reference_changed` is the name of a kind."""

    dependencies = [("events", "0002_activity_of_people")]

    operations = [
        migrations.RemoveConstraint(model_name="event", name="event_kind_is_valid"),
        migrations.AddConstraint(
            model_name="event",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__regex", "\\A[a-z]+(\\.[a-z_]+)+\\Z")), name="event_kind_is_valid"
            ),
        ),
    ]
