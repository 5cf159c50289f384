from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("artifacts", "0016_alias_sort_key")]

    operations = [
        migrations.AlterField(
            model_name="artifactversion",
            name="number",
            field=models.PositiveIntegerField(
                null=True, editable=False, help_text="Some drafts have none: they get it when they are finalized."
            ),
        ),
        migrations.AddConstraint(
            model_name="artifactversion",
            constraint=models.CheckConstraint(
                condition=~models.Q(state="finalized") | models.Q(number__isnull=False),
                name="version_final_has_number",
            ),
        ),
    ]
