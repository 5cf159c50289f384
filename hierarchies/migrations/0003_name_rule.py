from django.db import migrations, models

import hierarchies.validators


class Migration(migrations.Migration):
    dependencies = [("hierarchies", "0002_retention_indexes_and_totals")]

    operations = [
        migrations.AlterField(
            "hierarchy", "name", models.CharField(max_length=128, validators=[hierarchies.validators.validate_name])
        ),
    ]
