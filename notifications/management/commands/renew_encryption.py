"""`manage.py renew_encryption`: after `SECRET_KEY` was changed, before the former one is forgotten."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from artifacts.references import external_stores
from notifications import webhooks


class Command(BaseCommand):
    help = (
        "Encrypt the secrets of webhooks and the credentials of external stores under the current SECRET_KEY; "
        "SECRET_KEY_FALLBACKS names former ones."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        secrets, lost_secrets = webhooks.renew_encryption()
        credentials, lost_credentials = external_stores.renew_encryption()
        self.stdout.write(f"{secrets + credentials} secrets are encrypted under the current SECRET_KEY.")
        if lost_secrets or lost_credentials:
            raise CommandError(
                f"{lost_secrets + lost_credentials} secrets cannot be decrypted with any key of SECRET_KEY and "
                f"SECRET_KEY_FALLBACKS: {lost_secrets} of webhooks, {lost_credentials} of external stores. "
                "Add the key that they were encrypted under, or enter them anew."
            )
