"""Receivers and kinds of events are there once Django is set up, whatever else a process loads."""

import json
import subprocess
import sys

from tests import servers

# As a process without the admin, which would load most modules by itself.
PROCESS = """
import json
import sys
from wanllmdb import settings
settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app not in ("unfold", "django.contrib.admin")]
import django
django.setup()
from artifacts.artifacts import artifact_deleting
from events import kinds
from events.outbox import recorded
from projects.projects import project_deleting
signals = {"project_deleting": project_deleting, "artifact_deleting": artifact_deleting, "recorded": recorded}
print(json.dumps({
    "has_admin": "django.contrib.admin.sites" in sys.modules,
    "receivers": {
        name: sorted(reference().__module__ for _, reference, *_ in signal.receivers)
        for name, signal in signals.items()
    },
    "kinds": [name for name, _ in kinds.choices()],
}))
"""


def test_they_are_connected_in_a_bare_process():
    done = subprocess.run(
        [sys.executable, "-c", PROCESS],
        cwd=servers.ROOT,
        env=servers.session_env() | {"DJANGO_SETTINGS_MODULE": "wanllmdb.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)

    assert not facts["has_admin"]
    assert facts["receivers"] == {
        "project_deleting": ["artifacts.receivers", "hierarchies.receivers", "notifications.receivers"],
        "artifact_deleting": ["notifications.receivers"],
        "recorded": ["notifications.receivers"],
    }
    assert {"alias.moved", "webhook.paused"} < set(facts["kinds"])
