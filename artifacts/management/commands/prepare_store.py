"""`manage.py prepare_store`: creates the bucket, and allows pages of this server to upload to it (CORS)."""

from typing import Any

from django.conf import settings
from django.core.files.storage import storages
from django.core.management.base import BaseCommand

from artifacts import storage


class Command(BaseCommand):
    help = "Make the bucket if it is not there, and let browsers that show our pages upload to it. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        storage.ensure_bucket()
        if not storage.ensure_cors(settings.PAGE_ORIGINS):
            self.stderr.write(
                f"The store takes no CORS rules for the bucket {storages['artifacts'].bucket_name!r}: "
                f"let it answer PUT from {', '.join(settings.PAGE_ORIGINS)} and expose ETag."
            )
