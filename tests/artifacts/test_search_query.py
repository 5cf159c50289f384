"""The query language of search and lists: what it finds on both databases, and the sentences for what is no query."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actor import Actor, Channel
from accounts.models import User
from artifacts import artifacts, search_index, search_query, versions
from artifacts.aliases import aliases
from artifacts.models import Artifact, ArtifactAlias, ArtifactVersion, SearchDocument, SearchValue
from artifacts.search import MAX_IDS, Search, named_versions
from projects import projects, runs
from projects.models import Project, Run, State
from tests.artifacts.client import log

API = "/api/v1"


@pytest.fixture
def shelf(alice, bob, project) -> dict[str, Artifact]:
    """A detector of two versions, a corpus of bob's, and two runs."""
    found = {
        "detector": artifacts.create(
            Actor(alice), project, "detector", "model", description="Größe matters", metadata={"team": "Vision"}
        ),
        "corpus": artifacts.create(Actor(bob), project, "corpus", "dataset", tags=["raw", "50%_off"]),
    }
    first = log(alice, found["detector"], {"weights/model.safetensors": b"1", "README.md": b"r"})
    second = log(alice, found["detector"], {"model.pt": b"2"}, "production")
    versions.describe(Actor(alice), first, metadata={"mAP": 0.5, "framework": "PyTorch", "eval": {"loss": 1e-3}})
    versions.describe(
        Actor(alice), second, metadata={"mAP": 0.8, "framework": "jax", "ok": True, "sizes": [1, 20]}, notes="a:b"
    )
    aliases.move(Actor(alice, reason="Rollback after drift"), found["detector"], "staging", first)
    log(bob, found["corpus"], {"train/part-1.csv": b"3", "train/part_2.CSV": b"4"})
    config = {"lr": 0.1, "optimizer": {"name": "AdamW"}, "batch size": 64}
    run = runs.start(Actor(bob), project, name="otter", config=config, tags=["sweep"], notes="with dropout")
    runs.finish(Actor(bob), run, State.FINISHED, summary={"acc": 0.93, "best": "epoch 7"})
    runs.start(Actor(alice), project, name="heron", config={"lr": 0.001}, notes="lr")
    return found


DETECTOR, CORPUS = ["detector"], ["corpus"]
FOUND = {
    "artifacts": {
        "metadata.mAP>0.7": DETECTOR, "metadata.map>=0.8": DETECTOR,
        "metadata.mAP>0.8": [], "metadata.mAP<0.6": DETECTOR,
        "metadata.mAP:0.80": DETECTOR, "metadata.mAP=.8": DETECTOR, "metadata.mAP:*": DETECTOR, "metadata.mA:*": [],
        "metadata.framework:pytorch": DETECTOR, "metadata.framework:py*": DETECTOR,
        "metadata.framework:*torch": DETECTOR,
        "metadata.framework:torch": [], "metadata.framework:*yto*": DETECTOR, "metadata.framework:p*t*h": DETECTOR,
        "metadata.eval.loss<0.01": DETECTOR, "metadata.ok:true": DETECTOR, "metadata.sizes>10": DETECTOR,
        'metadata.team:"vision"': DETECTOR, "metadata.mAP>-1e308": DETECTOR, "metadata.nothing>0": [],
        "framework": DETECTOR, "pytorch": DETECTOR, "GRÖSSE": DETECTOR, "größe": DETECTOR, "drift": DETECTOR,
        "file:*.safetensors": DETECTOR, "file:model.safetensors": DETECTOR,
        "file:weights/*": DETECTOR, "file:model*": DETECTOR,
        "file:weights": [], "file:*.csv": CORPUS, "file:*part_*": CORPUS, "file:*art-1*": CORPUS,
        "file:readme.md": DETECTOR,
        "by:bob": CORPUS, "by:ALICE": DETECTOR, "by:nobody": [], "reason:rollback": DETECTOR, "reason:weights": [],
        "tag:raw": CORPUS, "tag:ra": [], "tag:50%_off": CORPUS, "type:model": DETECTOR, "alias:production": DETECTOR,
        "type:model metadata.mAP>0.7 by:alice det": DETECTOR, "type:model by:bob": [], "detector:production": DETECTOR,
        "detector:v2": DETECTOR, "corpus:v2": [], "corpus:production": [], "acme/demo/corp": CORPUS,
        "%": CORPUS, "_": CORPUS, "50%_": CORPUS, "%%%": [], "___": [], "***": [], '"': ["corpus", "detector"],
        "": ["corpus", "detector"], "   ": ["corpus", "detector"], "\u202e": [], "'; --": [], "a\\": [], "((": [],
        "metadata.x:nan": [], "metadata.mAP:1e999": [], 'AND OR NOT "" NEAR(': [], 'x"y"z': [],
    },
    "runs": {
        "config.lr<0.1": ["heron"], "config.lr<=0.1": ["heron", "otter"], "summary.acc>0.9": ["otter"],
        "config.optimizer.name:adam*": ["otter"], 'summary.best:"epoch 7"': ["otter"], "tag:sweep": ["otter"],
        "state:finished": ["otter"], "by:alice": ["heron"], "dropout": ["otter"],
        "OTTER": ["otter"], "optimizer": ["otter"],
        "epoch": ["otter"], "dropout config.lr>1": [], 'config."batch size">32': ["otter"],
        "ot": ["otter"], "h": ["heron", "otter"], "zz": [],
    },
}  # fmt: skip


def test_what_queries_find(api, vera, shelf):
    """The same by the index, and by looking at each row, as it is done where many match."""
    for kind, queries in FOUND.items():
        for query, names in queries.items():
            answer = api(vera).get(f"{API}/{kind}", {"q": query})
            assert answer.status_code == 200, (query, answer.json())
            assert sorted(item["name"] for item in answer.json()["items"]) == names, query


def test_looking_at_each_row_finds_the_same(vera, shelf, monkeypatch):
    monkeypatch.setattr("artifacts.search.MAX_IDS", 0)
    for kind, queries in FOUND.items():
        rows = (Artifact if kind == "artifacts" else Run).objects.visible_to(vera)
        for query, names in queries.items():
            found = Search.of(vera, query).narrow(kind, rows).values_list("name", flat=True)
            assert sorted(found) == names, query


def test_versions_of_an_artifact(api, vera, shelf):
    url = f"{API}/artifacts/{shelf['detector'].pk}/versions"
    for query, numbers in {
        "metadata.mAP>0.7": [2], "metadata.mAP>0": [2, 1], "file:*.safetensors": [1], "reason:drift": [1],
        "alias:production": [2], "detector:v1": [1], "by:alice": [2, 1], "by:bob": [], "pytorch": [1],
    }.items():  # fmt: skip
        items = api(vera).get(url, {"q": query}).json()["items"]
        assert [int(item["version"][1:]) for item in items] == numbers, query


def test_strangers_find_nothing_and_pay_nothing(mallory, shelf):
    """What they do not see is not among the ids, however many match."""
    for kind, queries in FOUND.items():
        for query in filter(str.strip, queries):
            asked = Search.of(mallory, query)
            rows = (Artifact if kind == "artifacts" else Run).objects.visible_to(mallory)
            assert not asked.narrow(kind, rows).exists(), query
            assert not any(found.ids for found in asked._found.values()), query


def test_drafts_and_deleted_versions_are_not_found(api, alice, vera, shelf):
    draft = versions.begin(Actor(alice), shelf["corpus"], metadata={"secret": "draft"}).version
    versions.describe(Actor(alice), draft, metadata={"secret": "draft"})
    assert api(vera).get(f"{API}/artifacts", {"q": "metadata.secret:draft"}).json()["total"] == 0
    version = shelf["detector"].versions.get(number=2)
    versions.delete(Actor(alice), version, delete_aliases=True)
    for query in ("metadata.mAP>0.7", "file:model.pt", "jax"):
        assert api(vera).get(f"{API}/artifacts", {"q": query}).json()["total"] == 0
    artifacts.delete(Actor(alice), shelf["detector"])
    assert not SearchDocument.objects.filter(artifact=shelf["detector"].pk).exists()
    assert not SearchValue.objects.filter(artifact=shelf["detector"].pk).exists()


def test_what_changes_is_found_by_what_it_is_now(vera, alice, shelf):
    def found(query: str) -> list[str]:
        rows = Search.of(vera, query).narrow("artifacts", Artifact.objects.all())
        return sorted(rows.values_list("name", flat=True))

    artifacts.update(Actor(alice), shelf["corpus"], description="Nightly", tags=["new"], metadata={"rows": 10**400})
    assert found("nightly") == found("tag:new") == found("rows") == ["corpus"]
    assert found("tag:raw") == found("raw") == found("metadata.rows:none") == []
    versions.finalize(Actor(alice), shelf["detector"].versions.get(number=1), description="Zugspitze")
    assert found("zugspitze") == ["detector"]
    artifacts.update(Actor(alice), shelf["corpus"], name="crawl")
    assert found("craw") == found("corp") == ["crawl"]


def test_made_anew_the_entries_are_the_same(shelf):
    def entries() -> tuple[list, list]:
        about = ["project_id", "artifact_id", "version_id", "run_id"]
        documents = SearchDocument.objects.values_list(*about, "part", "text")
        values = SearchValue.objects.values_list(*about, "key", "number", "text")
        return sorted(map(repr, documents)), sorted(map(repr, values))

    before = entries()
    search_index.rebuild()
    assert entries() == before


def test_entries_are_bounded():
    deep: dict = {}
    for _ in range(60):
        deep = {"a": deep}
    wide = {f"key-{number}": number for number in range(10_000)}
    assert search_index.flatten("metadata", deep) == []
    assert len(search_index.flatten("metadata", wide)) == search_index.MAX_VALUES
    assert len(search_index.flatten("metadata", {"a": list(range(10_000))})) == search_index.MAX_ITEMS
    [(key, number, text)] = search_index.flatten("metadata", {"A": "X" * 2**20})
    assert (key, number, len(text)) == ("metadata.a", None, 200)
    assert search_index.flatten("metadata", {"k" * 300: 1}) == []
    lines = search_index.FileLines.of([*(f"{n:06}.jpg" for n in range(100_000)), "z/model.safetensors"]).text
    assert len(lines) < search_index.MAX_FILES_LENGTH + 2_000
    assert lines.endswith("\n") and "\nz/model.safetensors\n" in lines


def test_what_is_too_short_for_the_index_is_looked_for_at_the_beginning(vera, alice, project):
    """Of names, tags and what comes next: not in all texts."""
    artifacts.create(Actor(alice), project, "near", "model", tags=["v2"], description="x" * 300 + " end q7")
    visible = Artifact.objects.visible_to(vera)

    for query, count in {"v2": 1, "q": 0, "q7": 0, '"d q7"': 1}.items():
        assert Search.of(vera, query).narrow("artifacts", visible).count() == count, query


@pytest.mark.parametrize("query", ["q7", "->>", "file:+++", "reason:§", "日本"])
def test_what_no_index_finds_is_looked_for_in_the_newest_texts_alone(
    vera, alice, project, query, monkeypatch, django_assert_max_num_queries
):
    """On PostgreSQL signs are such, on both databases one or two characters."""
    term = search_query.parse(query)[0]
    texts = [term.value] if term.field != "file" else ["\n+++\n"]
    is_indexed = SearchDocument.objects.is_indexed(*texts)
    assert is_indexed == (connection.vendor == "sqlite" and min(map(len, texts)) >= 3)
    visible = Artifact.objects.visible_to(vera)
    hidden = [f"{name} {texts[0]}" for name in ("old", "new")]
    for text in hidden:
        artifact = artifacts.create(Actor(alice), project, text[:3], "model", description=text)
        part = {"file": "files", "reason": "reason"}.get(term.field, "text")
        SearchDocument.objects.filter(artifact=artifact).update(part=part, text=text)
        artifacts.create(Actor(alice), project, f"{text[:3]}-other", "model")

    def names(asked: Search) -> list[str]:
        return sorted(asked.narrow("artifacts", visible).values_list("name", flat=True))

    asked = Search.of(vera, query)
    assert (names(asked), asked.limited_terms) == (["new", "old"], [])
    monkeypatch.setattr("artifacts.search.MAX_SCANNED", 2)
    asked = Search.of(vera, query)
    expected = (["new", "old"], []) if is_indexed else (["new"], [term.value])
    with django_assert_max_num_queries(2):
        assert (names(asked), asked.limited_terms) == expected
    # Within a project with fewer texts, all of them are looked at.
    other = projects.create(Actor(alice), project.team, "other")
    within = Search.of(vera, query, project=other)
    assert (within.narrow("artifacts", visible).count(), within.limited_terms) == (0, [])


def test_what_was_scanned_is_one_list_of_ids(vera, shelf):
    """With former names as another one, PostgreSQL read all artifacts and compared each with both."""
    query = str(Search.of(vera, "q7").narrow("artifacts", Artifact.objects.all()).query)
    assert query.count('"artifacts_artifact"."id" IN (') == 1 and "UNION ALL" in query


def test_texts_are_scanned_by_an_index(vera, shelf):
    rows = SearchDocument.objects.filter(project__in=Project.objects.visible_to(vera)).order_by("-pk")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_sort = off")
    one = SearchDocument.objects.filter(project=Project.objects.first()).order_by("-pk")
    assert "search_document_newest" in one.explain() or connection.vendor == "sqlite"
    assert "SCAN artifacts_searchdocument USING INDEX" not in rows.explain()


def test_a_word_of_few_is_read_from_the_index(vera, alice, project, shelf):
    """Not by reading all texts, on either database."""
    rows = SearchDocument.objects.containing("otter", of_artifacts=True)
    if connection.vendor == "sqlite":
        assert "VIRTUAL TABLE INDEX" in rows.explain()
        return
    artifact = shelf["detector"]
    others = [SearchDocument(project=project, artifact=artifact, part="text", text=f"text {n}") for n in range(2_000)]
    SearchDocument.objects.bulk_create(others)
    with connection.cursor() as cursor:
        cursor.execute("SELECT gin_clean_pending_list('search_document_text_of_artifacts')")
        cursor.execute("ANALYZE artifacts_searchdocument")
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "search_document_text_of_artifacts" in rows.explain()


@pytest.mark.parametrize("kind", ["artifacts", "versions", "projects", "runs"])
def test_within_a_project_the_index_on_texts_comes_first(kind, vera, project, shelf):
    """SQLite would ask it of each text of the project, a hundred thousand times."""
    rows = {"artifacts": Artifact.objects, "versions": ArtifactVersion.objects, "projects": Project.objects}
    with CaptureQueriesContext(connection) as queries:
        list(Search.of(vera, "otter", project=project).narrow(kind, rows.get(kind, Run.objects).all()))
    probe = next(query["sql"] for query in queries if "UNION ALL" in query["sql"])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {'QUERY PLAN ' if connection.vendor == 'sqlite' else ''}{probe}")
        steps = [str(line[-1]) for line in cursor.fetchall()]
    steps = [step for step in steps if "artifacts_searchdocument" in step.split()[1]]
    assert connection.vendor != "sqlite" or steps[0].startswith("SCAN artifacts_searchdocument_text"), steps
    assert connection.vendor != "sqlite" or steps[1].endswith("USING INTEGER PRIMARY KEY (rowid=?)"), steps


def test_who_has_a_tag_or_alias_of_few_is_looked_up(vera, shelf):
    """Of each artifact that the reader sees, it would be asked whether it has it."""
    visible = Artifact.objects.visible_to(vera)
    for rows in (visible.with_tag("raw"), visible.with_alias("production")):
        assert " IN (SELECT" in str(rows.query).replace("\n", " ").split("EXISTS")[-1]


def test_aliases_are_found_by_their_beginning_in_any_case(vera, alice, shelf):
    version = ArtifactAlias.objects.get(alias="production").version
    for alias in ("Prod-2", "prod_3", "PRO", "best"):
        aliases.move(Actor(alice), version.artifact, alias, version)
    found = [[row.alias for row in named_versions(vera, text)] for text in ("prod", "PROD", "pro", "prod-", "pré", "%")]
    assert sorted(found[0]) == ["Prod-2", "prod_3", "production"] and found[1] == found[0]
    # What is an alias is not the beginning of others; nothing in it stands for other characters.
    assert sorted(found[2]) == ["PRO", "Prod-2", "prod_3", "production"]
    assert found[3:] == [["Prod-2"], [], []]


def test_aliases_of_other_letters_are_found_by_their_beginning(vera, alice, shelf):
    version = ArtifactAlias.objects.get(alias="production").version
    aliases.move(Actor(alice, Channel.WANDB), version.artifact, 'Größe "1%_"', version)
    for text in ("Grö", "grö", 'Größe "1%'):
        assert [row.alias for row in named_versions(vera, text)] == ['Größe "1%_"']


def test_the_beginnings_of_aliases_are_a_range_of_an_index(vera, shelf):
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_sort = off")
    plan = ArtifactAlias.objects.beginning_with("prod").explain()
    assert "alias_by_beginning" in plan and "TEMP B-TREE" not in plan
    assert "Index Cond: (((lower" in plan or "<expr>>? AND <expr><?" in plan


def test_values_are_read_by_project(vera, shelf):
    term, *_ = search_query.parse("metadata.mAP>0.7")
    rows = SearchValue.objects.filter(project__in=Project.objects.visible_to(vera), key=term.key, number__gt=0.7)
    assert (
        connection.vendor != "sqlite"
        or "search_value_by_number (project_id=? AND key=? AND number>?)" in rows.explain()
    )


@pytest.mark.parametrize("about", ["an artifact", "runs"])
def test_values_of_an_artifact_or_of_runs_are_a_range_of_an_index(vera, shelf, about):
    """By the artifact alone PostgreSQL would read all values of its versions; by its absence, those of all runs."""
    values = SearchValue.objects.filter(key="metadata.map", number__gt=0.7)
    rows = values.filter(artifact=shelf["detector"]) if about == "an artifact" else values.of_artifacts(False)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # In a table that is nearly empty all plans cost the same.
            cursor.execute("SET LOCAL enable_seqscan = off; DROP INDEX search_value_by_text, search_value_by_number")
    plan = rows.explain()
    assert "search_value_of_artifact" in plan
    assert "number>?" in plan or "number >" in plan.partition("Index Cond")[2].partition("\n")[0], plan


def test_many_and_few_are_told_apart(vera, alice, project):
    rows = [Run(project=project, name=f"run-{number}", created_by=alice) for number in range(MAX_IDS + 5)]
    Run.objects.bulk_create(rows)
    search_index.rebuild()
    everything = Run.objects.visible_to(vera)
    assert Search.of(vera, "run-").narrow("runs", everything).count() == MAX_IDS + 5
    assert Search.of(vera, "run-500").narrow("runs", everything).count() == 1
    assert Search.of(vera, "run- run-50").narrow("runs", everything).count() == 6


def documents_read(rows) -> int:
    """How many texts PostgreSQL looks at for these rows."""
    [plan] = json.loads(rows.explain(format="json", analyze=True, timing=False))
    count, nodes = 0, [plan["Plan"]]
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if node.get("Relation Name") == "artifacts_searchdocument":
            count += (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    return count


def test_of_what_many_have_a_page_reads_no_more_texts_than_it_shows(vera, alice, project):
    """PostgreSQL would read all texts first, and look rows up in a table of those that match."""
    Run.objects.bulk_create(Run(project=project, name=f"run-{number}", created_by=alice) for number in range(3_000))
    search_index.rebuild()
    page = Search.of(vera, "run-", project=project).narrow("runs", Run.objects.filter(project=project))
    page = page.order_by("-id")[:50]
    if connection.vendor == "sqlite":
        assert "CORRELATED SCALAR SUBQUERY" in page.explain()
        return
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    assert 50 <= documents_read(page) <= 60


def test_people_are_found_as_creators_only_by_name(vera, shelf):
    assert User.objects.filter(username="alice").exists()
    assert Search.of(vera, "by:ali").narrow("artifacts", Artifact.objects.all()).count() == 0
