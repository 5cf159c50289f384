"""The secrets that webhooks sign with are encrypted: whoever reads the database, or a backup of it, cannot sign."""

import base64
from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import migrations, models


def encrypt(apps: Any, schema_editor: Any) -> None:
    _rewrite(apps, lambda secret: _fernet().encrypt(secret.encode()).decode())


def decrypt(apps: Any, schema_editor: Any) -> None:
    _rewrite(apps, lambda token: _fernet().decrypt(token.encode()).decode())


def _fernet() -> MultiFernet:
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(_derive(key))) for key in keys])


def _derive(secret_key: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"wanllmdb encryption").derive(secret_key.encode())


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
