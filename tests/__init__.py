"""Tests on real parts. Which they are is settled here, before Django reads its settings and any test is imported."""

import os

import django
from django.conf import settings

from harness import servers

if settings.configured:
    raise RuntimeError("Django's settings were read before the tests chose a database: unset DJANGO_SETTINGS_MODULE.")
os.environ.update(servers.session_env())
if not servers.on_postgres():
    # In memory, threads that write at once would meet locks that a file does not have.
    settings.DATABASES["default"]["TEST"] = {"NAME": str(servers.session_directory() / "test.sqlite3")}

django.setup()
