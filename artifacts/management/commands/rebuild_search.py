"""Make all entries of the search anew, for what was written without the verbs."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from artifacts import search_index
from artifacts.models import SearchDocument


class Command(BaseCommand):
    help = "Make all entries of the search anew. Until it ends, searches see those of before."

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            search_index.rebuild()
        self.stdout.write(f"{SearchDocument.objects.count()} entries.")
