import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("artifacts", "0031_alias_prefix_index")]

    operations = [
        migrations.AddIndex(
            model_name="searchvalue",
            index=models.Index(fields=["artifact", "key", "number"], name="search_value_of_artifact"),
        ),
        migrations.AlterField(
            model_name="searchvalue",
            name="artifact",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="artifacts.artifact",
            ),
        ),
    ]
