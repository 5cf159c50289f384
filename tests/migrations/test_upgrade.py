"""A database that the first release made and filled, before its modules and columns were renamed, migrates and works.

The dumps hold a team's week of work, with protection rules, a proposal, watches, webhooks and their deliveries.
"""

import gzip
import json
import re
import sqlite3
from pathlib import Path

import psycopg
import pytest

from harness import servers

DUMPS = Path(__file__).parent
# Printed as JSON by `manage.py shell`, after the migration.
FACTS = """
import json
from django.apps import apps
from accounts.actor import Actor
from accounts.models import User
from artifacts import name_resolution
from artifacts.aliases import aliases
from artifacts.models import AliasChange, AliasProposal, Artifact
from django.contrib.contenttypes.models import ContentType
from notifications.models import InboxItem, Webhook
alice = User.objects.get(username="alice")
ranker = Artifact.objects.select_related("project__team").get(name="ranker")
before = name_resolution.resolve(alice, "acme/recommender/ranker:staging").version.version
moved = aliases.move(Actor(alice, reason="after"), ranker, "staging", ranker.versions.get(number=2))
changes = AliasChange.objects.of(ranker, "staging").reverse()
print(json.dumps({
    "rows": {model._meta.db_table: model.objects.count() for model in apps.get_models()},
    "numbers": [ranker.latest_version_number, ranker.last_assigned_number, ranker.version_count],
    "sizes": [ranker.latest_size, ranker.versions.get(number=8).total_size],
    "rollbacks": list(AliasProposal.objects.values_list("is_rollback", flat=True)),
    "before": before,
    "moved": [moved.before.version, moved.alias.version.version],
    "channels": [change.channel for change in changes],
    "messages": [item.event.message for item in InboxItem.objects.order_by("id")],
    "secrets": [[hook.secret[:6], hook.encrypted_secret[:6]] for hook in Webhook.objects.all()],
    "event_types": list(ContentType.objects.filter(model="event").values_list("app_label", flat=True)),
    "chain": [[change.number, change.before, change.after] for change in changes],
}))
"""

# Whether what migrations derived of the rows is what the code of today derives.
DERIVED = """
import json
from artifacts import folder_summaries, natural_order, search_index
from artifacts.models import ArtifactAlias, ArtifactFile, ArtifactVersion, FolderSummary, SearchDocument, SearchValue
from artifacts.models.alias_sort_key import sort_key
def found_by():
    about = ("project_id", "artifact_id", "version_id", "run_id")
    documents = SearchDocument.objects.values_list(*about, "part", "text")
    return set(documents), set(SearchValue.objects.values_list(*about, "key", "number", "text"))
def folders():
    columns = ("version_id", "path", "entry_count", "file_count", "total_size", "reference_count")
    return set(FolderSummary.objects.values_list(*columns))
before = found_by(), folders()
search_index.rebuild()
FolderSummary.objects.all().delete()
for version in ArtifactVersion.objects.finalized():
    folder_summaries.store(version)
print(json.dumps({
    "search": [all(before[0]), found_by() == before[0]],
    "folders": [len(before[1]) > 0, folders() == before[1]],
    "files": all(file.sort_key == natural_order.sort_key(file.path) for file in ArtifactFile.objects.all()),
    "aliases": all(bytes(row.sort_key) == sort_key(row.alias) for row in ArtifactAlias.objects.all()),
}))
"""

UPLOADS = """
import json
from artifacts.content import incoming
from artifacts.models import PendingDeletion, StoredObject
print(json.dumps({
    "expected": [
        [obj.key, obj.incoming_key, incoming.prefix_of(obj.version)] for obj in StoredObject.objects.expected()
    ],
    "owed": list(PendingDeletion.objects.values_list("key", flat=True)),
    "incoming": StoredObject.objects.exclude(incoming_key="").count(),
}))
"""

# What the tables are like, but for names that the database or Django made up.
SCHEMA = """
import json
import re
from django.db import connection
MADE_UP = re.compile("_[0-9a-f]{8}|^__|_check$")
def of_table(cursor, table):
    columns = connection.introspection.get_table_description(cursor, table)
    constraints = connection.introspection.get_constraints(cursor, table)
    return [
        sorted([column.name, str(column.type_code), column.null_ok, column.collation] for column in columns),
        sorted(
            str([
                "" if facts["foreign_key"] or facts["primary_key"] or MADE_UP.search(name) else name,
                *(facts[key] for key in ("columns", "primary_key", "unique", "foreign_key", "index", "check")),
            ])
            for name, facts in constraints.items()
        ),
    ]
with connection.cursor() as cursor:
    names = sorted(connection.introspection.table_names(cursor))
    print(json.dumps({name: of_table(cursor, name) for name in names}))
"""


def fill_sqlite(path: Path) -> str:
    connection = sqlite3.connect(path)
    connection.create_function("REGEXP", 2, lambda pattern, text: bool(re.search(pattern, str(text))))
    connection.executescript(gzip.decompress((DUMPS / "release_0.sqlite.sql.gz").read_bytes()).decode())
    connection.close()
    return f"sqlite:///{path}"


def fill_postgres() -> str:
    with psycopg.connect(f"{servers.postgres()}/postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS release_0")
        connection.execute("CREATE DATABASE release_0")
    url = f"{servers.postgres()}/release_0"
    with psycopg.connect(url) as connection:
        connection.execute(gzip.decompress((DUMPS / "release_0.postgres.sql.gz").read_bytes()))
    return url


def execute(url: str, statement: str) -> None:
    if url.startswith("postgres"):
        with psycopg.connect(url) as connection:
            connection.execute(statement)
        return
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    with connection:
        connection.execute(statement)
    connection.close()


def manage(url: str, *command: str) -> str:
    return servers.manage(servers.session_env() | {"DATABASE_URL": url}, *command)


@pytest.fixture
def url(tmp_path) -> str:
    return fill_postgres() if servers.on_postgres() else fill_sqlite(tmp_path / "db.sqlite3")


def test_a_database_of_the_first_release_migrates_with_all_its_data(url, tmp_path):
    manage(url, "migrate", "--verbosity=0")
    # A new database skips the steps of old ones, and its tables are the same.
    new = servers.create_database("newest", tmp_path / "new.sqlite3")
    schemas = [json.loads(manage(one, "shell", "--no-imports", "--command", SCHEMA)) for one in (url, new)]
    assert schemas[0] == schemas[1]

    derived = json.loads(manage(url, "shell", "--no-imports", "--command", DERIVED))
    assert derived == {"search": [True, True], "folders": [True, True], "files": True, "aliases": True}
    facts = json.loads(manage(url, "shell", "--no-imports", "--command", FACTS))

    rows = facts["rows"]
    assert (rows["accounts_user"], rows["artifacts_artifactversion"], rows["artifacts_artifactfile"]) == (4, 12, 182)
    assert (rows["artifacts_aliasproposal"], rows["artifacts_aliasrule"], rows["artifacts_pulse"]) == (1, 2, 1)
    assert (rows["notifications_webhook"], rows["notifications_delivery"], rows["notifications_watch"]) == (2, 6, 2)
    assert (rows["notifications_notice"], rows["notifications_attempt"] > 0) == (2, True)
    assert facts["secrets"] == [["whsec_", "gAAAAA"]] * 2
    # Events, by now of an app of their own.
    assert facts["event_types"] == ["events"]
    # Two workers at once told of them, so that either came first.
    assert set(facts["messages"]) == {
        "bob proposes to assign approved to v7 of acme/recommender/ranker",
        "bob assigned canary to v7 of acme/recommender/ranker",
    }
    assert (facts["numbers"], facts["before"], facts["moved"]) == ([8, 8, 8], "v8", ["v8", "v2"])
    assert facts["sizes"][0] == facts["sizes"][1] > 0
    # Of an old proposal nobody knows.
    assert facts["rollbacks"] == [None]
    # The move after the migration goes on with the chain that was there.
    assert facts["chain"] == [[1, None, "v8"], [2, "v8", "v2"]]
    assert facts["channels"] == ["sdk", "worker"]


def test_an_upload_whose_url_could_replace_its_bytes_goes_on_elsewhere(url):
    """A pack that was begun before the upgrade: its URL leads to the final key, for an hour."""
    one = "(SELECT MIN(id) FROM artifacts_storedobject WHERE kind = 'pack')"
    if servers.on_postgres():
        one = "(SELECT id FROM artifacts_storedobject WHERE kind = 'pack' ORDER BY id LIMIT 1)"
    execute(url, f"UPDATE artifacts_storedobject SET state = 'expected' WHERE id = {one}")
    manage(url, "migrate", "--verbosity=0")
    rows = json.loads(manage(url, "shell", "--no-imports", "--command", UPLOADS))

    assert len(rows["expected"]) == 1
    [(key, incoming_key, prefix)] = rows["expected"]
    assert incoming_key.startswith(prefix)
    assert (rows["owed"], rows["incoming"]) == ([key], 1)


# A run logged two batches before its history became chunks.
HISTORY = """
UPDATE projects_run SET history_row_count = 3, last_step = 2 WHERE id = {run};
INSERT INTO projects_historybatch (id, run_id, end_row, row_count, first_step, last_step, size, rows)
VALUES ('{0}1', {run}, 2, 2, 0, 1, 90, '[{{"_step": 0, "loss": 2, "a": {{"b": "é"}}}}, {{"_step": 1, "loss": 3}}]'),
       ('{0}2', {run}, 3, 1, 2, 2, 30, '[{{"_step": 2, "loss": "NaN"}}]');
INSERT INTO projects_historywriter (id, run_id, writer, row_count) VALUES ('{0}3', {run}, '{0}4', 3);
"""

MOVED = """
import json
from accounts.actor import Actor
from accounts.models import User
from projects.models import Run
from tracking import history
run = Run.objects.select_related("project__team").get(history_row_count=3)
alice = Actor(User.objects.get(username="alice"))
before = history.page(run), history.keys(run)
history.append(alice, run, "%s4", 2, [{"_step": 2}, {"_step": 3, "loss": 1}])
print(json.dumps([*before, history.latest(run, 2)]))
"""


def test_what_runs_have_logged_is_carried_over(url):
    manage(url, "migrate", "--verbosity=0", "tracking", "0001")
    prefix = "0" * 31
    run = "(SELECT id FROM projects_run ORDER BY id LIMIT 1)"
    for statement in HISTORY.format(prefix, run=run).split(";\n")[:-1]:
        execute(url, statement)
    manage(url, "migrate", "--verbosity=0")
    (rows, next_row), keys, latest = json.loads(manage(url, "shell", "--no-imports", "--command", MOVED % prefix))

    assert rows == [{"_step": 0, "loss": 2, "a": {"b": "é"}}, {"_step": 1, "loss": 3}, {"_step": 2, "loss": "NaN"}]
    assert (next_row, keys["lastStep"], sorted(keys["keys"])) == (None, 2, ["_step", "a.b", "loss"])
    assert keys["keys"]["loss"] == {
        "typeCounts": [{"type": "number", "count": 3}],
        "previousValue": "NaN",
        "monotonic": False,
    }
    # The writer goes on where it was: of its two rows one had arrived.
    assert latest == [{"_step": 3, "loss": 1}, {"_step": 2, "loss": "NaN"}]
