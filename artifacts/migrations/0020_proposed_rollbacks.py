"""Proposals say whether they are rollbacks, so that the history of an alias says the same once they are approved.

Nobody knows of old ones: their column stays null.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("artifacts", "0019_references_and_sources")]

    operations = [
        migrations.AddField(
            model_name="aliasproposal",
            name="is_rollback",
            field=models.BooleanField(help_text="Back to the version before; unknown of old proposals.", null=True),
        ),
    ]
