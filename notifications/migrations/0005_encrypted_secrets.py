"""The secrets that webhooks sign with are encrypted: whoever reads the database, or a backup of it, cannot sign."""

from typing import Any

from django.db import migrations, models

from core import encryption


def encrypt(apps: Any, schema_editor: Any) -> None:
    _rewrite(apps, encryption.encrypt)


def decrypt(apps: Any, schema_editor: Any) -> None:
    _rewrite(apps, encryption.decrypt)


def _rewrite(apps: Any, change: Any) -> None:
    webhooks = apps.get_model("notifications", "Webhook").objects
    for pk, secret in webhooks.values_list("pk", "encrypted_secret").iterator():
        webhooks.filter(pk=pk).update(encrypted_secret=change(secret))


class Migration(migrations.Migration):
    dependencies = [("notifications", "0004_event_is_elsewhere")]

    operations = [
        migrations.RenameField("webhook", "secret", "encrypted_secret"),
        migrations.AlterField(
            "webhook",
            "encrypted_secret",
            models.TextField(
                editable=False, help_text="Signs what is sent: `whsec_`, and 32 bytes in base64, encrypted."
            ),
        ),
        migrations.RunPython(encrypt, decrypt),
    ]
