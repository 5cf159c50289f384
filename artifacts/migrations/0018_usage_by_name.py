from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("artifacts", "0017_number_on_finalize")]

    operations = [
        migrations.AddField(
            "artifactusage",
            "requested_as",
            models.JSONField(
                default=list, blank=True, help_text="How it was asked for: aliases, or versions such as `v3`."
            ),
        ),
    ]
