"""A tag of a record is as long as the wandb client may make it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("hierarchies", "0003_name_rule"),
    ]

    operations = [
        migrations.AlterField(
            model_name="recordtag",
            name="tag",
            field=models.CharField(max_length=128),
        ),
    ]
