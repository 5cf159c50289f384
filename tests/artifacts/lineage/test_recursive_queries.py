"""The recursive queries find what a plain search over the rows finds, and read no more than they have to."""

import random
from collections import defaultdict
from collections.abc import Iterable

import pytest

from accounts.actor import Actor
from artifacts import artifacts
from artifacts.lineage import recursive_queries
from artifacts.lineage.recursive_queries import ARTIFACT, DOWNSTREAM, RUN, UPSTREAM, VERSION, Ref
from artifacts.models import ArtifactUsage, ArtifactVersion, VersionSource
from tests.artifacts.lineage import histories

Graph = dict[Ref, set[Ref]]


def rows_as_graph(fold: bool) -> tuple[Graph, Graph]:
    """By node its neighbours downstream, and upstream."""
    artifact_of = dict(ArtifactVersion.objects.values_list("pk", "artifact"))
    final = set(ArtifactVersion.objects.filter(finalized_at__isnull=False).values_list("pk", flat=True))

    def version(pk):
        return Ref(ARTIFACT, artifact_of[pk]) if fold else Ref(VERSION, pk)

    edges = [(version(pk), Ref(RUN, run)) for run, pk in ArtifactUsage.objects.values_list("run", "version")]
    made = ArtifactVersion.objects.exclude(run=None).values_list("run", "pk")
    edges += [(Ref(RUN, run), version(pk)) for run, pk in made if pk in final]
    derived = VersionSource.objects.values_list("source", "version")
    edges += [(version(source), version(pk)) for source, pk in derived if pk in final]
    down, up = defaultdict(set), defaultdict(set)
    for source, target in edges:
        if source != target:
            down[source].add(target)
            up[target].add(source)
    return down, up


def search(graph: Graph, root: Ref, depth: int) -> dict[Ref, int]:
    distances, level = {root: 0}, [root]
    for distance in range(1, depth + 1):
        level = [near for ref in level for near in graph[ref] if near not in distances]
        for ref in (level := list(dict.fromkeys(level))):
            distances[ref] = distance
    del distances[root]
    return distances


def found(steps: Iterable[recursive_queries.Step], side: str) -> dict[Ref, int]:
    mine = [step for step in steps if step.side == side]
    assert len({step.ref for step in mine}) == len(mine)
    assert [step.distance for step in mine] == sorted(step.distance for step in mine)
    return {step.ref: step.distance for step in mine}


@pytest.fixture
def tangle(alice, bob, project, artifact, other) -> list[ArtifactVersion]:
    """Versions of three artifacts and runs with edges at random, cycles and a draft among them."""
    dice = random.Random(13)
    third = artifacts.create(Actor(alice), project, "third", "file")
    runs = histories.runs(project, bob, 25)
    made = [dice.choice([None, *runs]) for _ in range(45)]
    rows = [
        row
        for index, each in enumerate((artifact, other, third))
        for row in histories.versions(each, 15, made[index * 15 : index * 15 + 15])
    ]
    pairs = {(dice.choice(runs), dice.choice(rows)) for _ in range(60)}
    histories.use(pairs)
    histories.derive({tuple(dice.sample(rows, 2)) for _ in range(20)})
    draft = ArtifactVersion.objects.create(artifact=artifact, run=runs[0])
    histories.derive([(draft, rows[0])])
    return rows


@pytest.mark.parametrize("fold", [False, True])
def test_the_same_as_a_plain_search(tangle, fold):
    down, up = rows_as_graph(fold)
    roots = list(dict.fromkeys([*down, *up]))
    assert any(root in search(down, root, 50) or root in down[near] for root in roots for near in down[root])
    for index, root in enumerate(roots):
        depth = (1, 3, 50)[index % 3]
        steps = recursive_queries.steps(root, [UPSTREAM, DOWNSTREAM], depth=depth, limit=5000, siblings=5000, fold=fold)
        assert found(steps, DOWNSTREAM) == search(down, root, depth)
        assert found(steps, UPSTREAM) == search(up, root, depth)
        if root.kind == VERSION:
            assert set(recursive_queries.downstream(root, 10_000)) == search(down, root, 1000).keys()
    assert recursive_queries.degrees(roots, fold=fold) == {ref: (len(up[ref]), len(down[ref])) for ref in roots}


def test_the_nearest_come_first_and_no_more_than_so_many(tangle):
    down, _ = rows_as_graph(fold=False)
    root = max([ref for ref in down if ref.kind == VERSION], key=lambda ref: len(search(down, ref, 50)))
    everything = search(down, root, 50)
    assert len(everything) > 10
    for limit in (1, 2, 5, 10):
        steps = recursive_queries.steps(root, [DOWNSTREAM], depth=50, limit=limit, siblings=limit, fold=False)
        some = found(steps, DOWNSTREAM)
        assert len(some) == limit - 1
        assert sorted(some.values()) == sorted(everything.values())[: limit - 1]
        assert recursive_queries.downstream(root, limit) == recursive_queries.downstream(root, limit)[:limit]
        assert len(recursive_queries.downstream(root, limit)) == limit
