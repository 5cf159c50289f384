"""Words that few, many and nearly all rows have, in all of them or in the oldest alone: each row is found, and once."""

from collections.abc import Callable

import pytest
from django.db import connection

from accounts.actor import Actor
from artifacts import artifacts, search, search_index, versions
from artifacts.models import Artifact, ArtifactVersion, SearchDocument
from artifacts.search import Search
from projects.models import Run
from tests.artifacts.client import at_once, fill, log
from tests.artifacts.test_search_query import documents_read

COUNT = 60
WORDS: dict[str, Callable[[int], bool]] = {
    "everywhere": lambda number: True,
    "seventh": lambda number: number % 7 == 0,
    "oldest": lambda number: number < COUNT // 2,
    "newest": lambda number: number >= COUNT - 8,
    "single": lambda number: number == 1,
}
QUERIES = [*WORDS, "nowhere", "everywhere oldest", "oldest seventh", "newest seventh", "everywhere newest oldest"]


def text(number: int) -> str:
    return " ".join(word for word, has in WORDS.items() if has(number))


def expected(query: str) -> list[int]:
    has = [WORDS.get(word, lambda number: False) for word in query.split()]
    return [number for number in reversed(range(COUNT)) if all(one(number) for one in has)]


@pytest.fixture
def small_limits(monkeypatch):
    """So that sixty rows are many."""
    for name, value in {"MAX_IDS": 6, "SAMPLE_SIZE": 10, "MIN_FREQUENT": 4, "MAX_SAMPLED": 20}.items():
        monkeypatch.setattr(search, name, value)


@pytest.fixture
def filled(alice, project) -> dict[str, list]:
    """Runs, artifacts, and versions of the first artifact, in the order in which they were made."""
    runs = [Run(project=project, name=f"run-{n:03}", notes=text(n), created_by=alice) for n in range(COUNT)]
    found = {"runs": Run.objects.bulk_create(runs)}
    rows = [Artifact(project=project, name=f"row-{n:03}", type="model", description=text(n)) for n in range(COUNT)]
    found["artifacts"] = Artifact.objects.bulk_create(rows)
    with_versions = artifacts.create(Actor(alice), project, "versions", "model")
    found["versions"] = ArtifactVersion.objects.bulk_create(
        ArtifactVersion(
            artifact=with_versions, number=n + 1, state="finalized", notes=text(n), created_by=alice,
            storage_path=f"artifacts/{n}/", finalized_at=with_versions.created_at,
        )
        for n in range(COUNT)
    )  # fmt: skip
    search_index.rebuild()
    return found


@pytest.mark.parametrize("max_gathered", [search.MAX_GATHERED, 10])
@pytest.mark.parametrize("kind", ["artifacts", "runs", "versions"])
def test_each_row_is_found_once(vera, project, filled, small_limits, monkeypatch, kind, max_gathered):
    """As by reading all: the first pages, the last ones, and the count."""
    monkeypatch.setattr(search, "MAX_GATHERED", max_gathered)
    rows = filled[kind]
    scopes = [{}, {"project": project}] if kind != "versions" else [{"artifact": rows[0].artifact}]
    model = type(rows[0])
    visible = model.objects.visible_to(vera) if kind != "versions" else model.objects.finalized()
    order = "-name" if kind == "artifacts" else "-pk"
    for query in QUERIES:
        for within in scopes:
            listed = visible.exclude(artifact=rows[0].artifact) if kind == "versions" and not within else visible
            if kind == "artifacts":
                listed = listed.exclude(name="versions")
            found = Search.of(vera, query, **within).narrow(kind, listed).order_by(order)
            numbers = [rows[number].pk for number in expected(query)]
            assert [row.pk for row in found] == numbers, (query, within)
            assert found.count() == len(numbers), (query, within)
            assert [row.pk for row in found[len(numbers) - 3 : len(numbers)]] == numbers[-3:] if numbers[3:] else True


def test_which_words_are_many(vera, project, filled, small_limits):
    def kinds(word: str) -> list[tuple[bool, bool]]:
        asked = Search.of(vera, word, project=project)
        found = [asked._probe(kind, asked.terms[0]) for kind in ("artifacts", "runs")]
        return [(one.ids is None, one.is_frequent) for one in found]

    assert kinds("everywhere") == kinds("newest") == [(True, True)] * 2
    assert kinds("oldest") == kinds("seventh") == [(True, False)] * 2
    assert kinds("single") == kinds("nowhere") == [(False, False)] * 2


def test_former_names_of_many_and_few_are_found(vera, alice, project, filled, small_limits):
    renamed = filled["artifacts"][3]
    for word in WORDS:
        artifacts.update(Actor(alice), renamed, name=f"was-{word}")
        artifacts.update(Actor(alice), renamed, name="renamed", description="")
    for word in WORDS:
        rows = Search.of(vera, word).narrow("artifacts", Artifact.objects.visible_to(vera))
        assert rows.filter(pk=renamed.pk).count() == 1, word


@pytest.mark.django_db(transaction=True)
def test_a_text_is_found_that_one_version_loses_while_another_gets_it(bob, artifact, v1):
    versions.describe(Actor(bob), v1, description="crimson")
    draft = fill(bob, artifact, {"two.txt": b"two"}, description="crimson")
    at_once(
        lambda: versions.finalize(Actor(bob), draft),
        lambda: versions.describe(Actor(bob), v1, description="azure"),
    )

    for word in ("crimson", "azure"):
        assert Search.of(bob, word).narrow("artifacts", Artifact.objects.visible_to(bob)).get() == artifact, word


def test_an_artifact_whose_versions_say_the_same_is_one_text(vera, alice, project, filled, small_limits):
    """PostgreSQL read 64,500 texts to see that an artifact of 100,000 versions has not a word."""
    same = artifacts.create(Actor(alice), project, "same", "model")
    ArtifactVersion.objects.bulk_create(
        ArtifactVersion(
            artifact=same, number=n + 1, state="finalized", created_by=alice, metadata={"step": n},
            storage_path=f"artifacts/same-{n}/", finalized_at=same.created_at,
        )
        for n in range(300)
    )  # fmt: skip
    search_index.rebuild()
    assert SearchDocument.objects.filter(artifact=same, is_repeated=None).count() == 2
    found = Search.of(vera, "everywhere").narrow("artifacts", Artifact.objects.visible_to(vera))
    assert found.filter(name="same").count() == 0
    assert Search.of(vera, "metadata.step").narrow("artifacts", Artifact.objects.visible_to(vera)).count() == 1
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        assert documents_read(found.order_by("-updated_at")[:20]) <= 120
    else:
        assert "search_document_distinct" in found.explain()


def test_what_versions_repeat_stays_found(vera, alice, project):
    """Whichever of them changes or is deleted."""
    artifact = artifacts.create(Actor(alice), project, "ranker", "model")
    says = {"metadata": {"framework": "torch"}, "description": "nightly"}
    logged = [log(alice, artifact, {"a.bin": bytes([number])}, **says) for number in range(4)]
    rows = SearchDocument.objects.filter(artifact=artifact, part="text", version__isnull=False)

    def check(**count: int) -> None:
        for word, number in count.items():
            of_artifacts = Search.of(vera, word).narrow("artifacts", Artifact.objects.all())
            of_versions = Search.of(vera, word, artifact=artifact).narrow("versions", artifact.versions.finalized())
            assert (of_artifacts.count(), of_versions.count()) == (min(number, 1), number), word
        repeated = rows.filter(is_repeated=True).values_list("text", flat=True)
        assert set(repeated) <= set(rows.filter(is_repeated=None).values_list("text", flat=True))

    assert rows.filter(is_repeated=None).count() == 1
    check(nightly=4, torch=4)
    versions.describe(Actor(alice), logged[0], description="weekly")
    check(nightly=3, weekly=1)
    assert rows.get(is_repeated=None, text__contains="nightly").version == logged[3]
    versions.describe(Actor(alice), logged[2], description="weekly")
    check(nightly=2, weekly=2)
    versions.delete(Actor(alice), logged[1])
    check(nightly=1, weekly=2)
    versions.delete(Actor(alice), logged[0])
    check(nightly=1, weekly=1, torch=2)
    versions.delete(Actor(alice), logged[3], delete_aliases=True)
    check(nightly=0, weekly=1)


def test_of_what_the_newest_runs_have_not_the_texts_are_read_once(vera, alice, project):
    """PostgreSQL looked at each run until it had a page: 80,000 blocks for the word of one in ten."""
    Run.objects.bulk_create(
        Run(project=project, name=f"run-{n:05}", notes="lion" if n < 1_000 else "", created_by=alice)
        for n in range(4_000)
    )
    search_index.rebuild()
    rows = Search.of(vera, "lion", project=project).narrow("runs", Run.objects.filter(project=project))
    assert rows.count() == 1_000
    assert [run.name for run in rows.order_by("-pk")[990:1_000]] == [f"run-{n:05}" for n in reversed(range(10))]
    page = rows.order_by("-pk")[:50]
    if connection.vendor == "sqlite":
        assert "LIST SUBQUERY" in page.explain() and "CORRELATED" not in page.explain()
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT gin_clean_pending_list('search_document_text_of_others')")
        cursor.execute("ANALYZE")
    assert documents_read(page) <= 1_001
