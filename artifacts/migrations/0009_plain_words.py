"""Says what people read in plain words: no change to the tables."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("artifacts", "0008_artifacts_by_column"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="pulse",
            options={"verbose_name": "heartbeat"},
        ),
    ]
