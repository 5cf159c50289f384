"""A host is sent to by one worker at a time, whoever its webhooks belong to."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0005_encrypted_secrets")]

    operations = [
        migrations.CreateModel(
            name="HostLease",
            fields=[
                (
                    "name",
                    models.CharField(
                        help_text="`host:port` of a receiver, or the mail server.",
                        max_length=300,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("holder", models.UUIDField(editable=False)),
                (
                    "busy_until",
                    models.DateTimeField(help_text="By then the worker must be through, or have died."),
                ),
            ],
        )
    ]
