"""`manage.py renew_encryption`: after `SECRET_KEY` was changed, before the former one is forgotten."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from notifications import webhooks


class Command(BaseCommand):
    help = "Encrypt the secrets of all webhooks under the current SECRET_KEY; SECRET_KEY_FALLBACKS names former ones."

    def handle(self, *args: Any, **options: Any) -> None:
        renewed, unreadable = webhooks.renew_encryption()
        self.stdout.write(f"{renewed} secrets are encrypted under the current SECRET_KEY.")
        if unreadable:
            raise CommandError(
                f"{unreadable} secrets cannot be decrypted with any key of SECRET_KEY and SECRET_KEY_FALLBACKS. "
                "Add the key that they were encrypted under, or give these webhooks new secrets."
            )
