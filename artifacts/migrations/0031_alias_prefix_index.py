from django.db import migrations, models

from artifacts.models.folded_alias import FoldedAlias


class Migration(migrations.Migration):
    dependencies = [("artifacts", "0030_names_of_the_official_client")]

    operations = [
        migrations.AddIndex(
            model_name="artifactalias",
            index=models.Index(FoldedAlias("alias"), models.F("artifact"), name="alias_by_beginning"),
        ),
    ]
