"""Says what people read in plain words: no change to the tables."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0001_who_is_told"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="notice",
            options={"ordering": ["-id"], "verbose_name": "notification"},
        ),
        migrations.AlterField(
            model_name="event",
            name="kind",
            field=models.CharField(
                choices=[
                    ("alias.created", "Alias created"),
                    ("alias.moved", "Alias moved"),
                    ("alias.deleted", "Alias deleted"),
                    ("version.finalized", "Version finalized"),
                    ("version.deleted", "Version deleted"),
                    ("alias.proposed", "Move proposed"),
                    ("alias.approved", "Proposed move approved"),
                    ("alias.rejected", "Proposed move rejected"),
                    ("webhook.test", "Webhook tested"),
                    ("webhook.paused", "Webhook paused"),
                ],
                max_length=32,
            ),
        ),
    ]
