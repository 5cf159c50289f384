"""What the settings make of the environment."""

import json
import os
import subprocess
import sys

from harness import servers


def databases(url: str) -> dict[str, object]:
    script = "import json; from wanllmdb import settings; print(json.dumps(settings.DATABASES['default']))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=servers.ROOT,
        env=os.environ | {"DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_options_in_the_url_of_the_database_are_kept():
    database = databases("postgres://wanllmdb:secret@db.example.org/wanllmdb?sslmode=verify-full")
    assert database["OPTIONS"]["sslmode"] == "verify-full"
    assert "prepare_threshold" in database["OPTIONS"]
    assert databases("postgres://wanllmdb@/wanllmdb?host=/run/postgresql")["OPTIONS"]["host"] == "/run/postgresql"
