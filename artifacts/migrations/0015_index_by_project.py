from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("artifacts", "0014_search")]

    operations = [
        migrations.AddIndex(
            model_name="artifact",
            index=models.Index(fields=["project", "id"], name="artifact_project_newest"),
        ),
    ]
