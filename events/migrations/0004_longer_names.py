"""The alias of an event is as long as the wandb client may make it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0003_kinds_of_several_words"),
    ]

    operations = [
        migrations.AlterField(
            model_name="event",
            name="alias",
            field=models.CharField(blank=True, default="", max_length=128),
        ),
    ]
