"""What this server costs on this machine. Real parts, as in the tests; PostgreSQL unless TEST_DATABASE is sqlite."""

import os

# Before `tests`, which settles the parts when it is imported.
os.environ.setdefault("TEST_DATABASE", "postgres")
