"""The first user of a new server, so that somebody can sign in and make the others."""

import json
import secrets
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction

from accounts import keys, users
from accounts.actor import Actor
from accounts.models import User

USERNAME = "owner"


class Command(BaseCommand):
    help = "Make a superuser with a random password and an API key, and print them as JSON. Silent where users exist."

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            if User.objects.exists():
                return
            password = secrets.token_urlsafe(12)
            user = users.create(USERNAME, password=password, is_superuser=True)
            _, value = keys.create(Actor(user), "first key")
        credentials = {"base_url": settings.BASE_URL, "username": USERNAME, "password": password, "api_key": value}
        self.stdout.write(json.dumps(credentials))
