"""The recursive queries find what a plain search over the rows finds, and read no more than they have to."""

import random
from collections import defaultdict
from collections.abc import Iterable

import pytest

from accounts.actor import Actor
from artifacts import artifacts
from artifacts.lineage import downstream, traversal
from artifacts.lineage.neighbours import ARTIFACT, DOWNSTREAM, RUN, UPSTREAM, VERSION, Ref
from artifacts.lineage.traversal import Start, Walk
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


def found(steps: Iterable[traversal.Step]) -> dict[Ref, int]:
    start, *others = steps
    assert start.distance == 0 and len({step.ref for step in steps}) == len(steps)
    assert [step.distance for step in others] == sorted(step.distance for step in others)
    return {step.ref: step.distance for step in others}


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
        around = Walk([Start(UPSTREAM, root), Start(DOWNSTREAM, root)], depth, 5000, 5000)
        upstream, down_steps = traversal.steps(around, fold=fold)
        assert found(upstream) == search(up, root, depth)
        assert found(down_steps) == search(down, root, depth)
        for step in (*upstream, *down_steps):
            assert (step.upstream, step.downstream) == (len(up[step.ref]), len(down[step.ref]))
        if root.kind == VERSION:
            rows = downstream.of([root.pk], 10_000)
            assert {row.ref for row in rows} == {root, *search(down, root, 1000)}
            among = {row.ref for row in rows}
            assert {row.ref: set(row.sources) for row in rows} == {ref: up[ref] & among for ref in among}


def test_two_walks_at_once_are_as_one_after_the_other(tangle):
    down, up = rows_as_graph(fold=False)
    one, other = sorted(down, key=lambda ref: len(search(down, ref, 2)))[-2:]
    walks = [
        Walk([Start(DOWNSTREAM, one)], 1, 5000, 5000),
        Walk([Start(DOWNSTREAM, other), Start(UPSTREAM, one)], 2, 5000, 5000),
    ]
    together = traversal.steps(*walks, fold=False)
    assert together == [*traversal.steps(walks[0], fold=False), *traversal.steps(walks[1], fold=False)]
    assert [found(steps) for steps in together] == [search(down, one, 1), search(down, other, 2), search(up, one, 2)]


def test_the_nearest_come_first_and_no_more_than_so_many(tangle):
    down, _ = rows_as_graph(fold=False)
    root = max([ref for ref in down if ref.kind == VERSION], key=lambda ref: len(search(down, ref, 50)))
    everything = search(down, root, 50)
    assert len(everything) > 10
    for limit in (1, 2, 5, 10):
        [steps] = traversal.steps(Walk([Start(DOWNSTREAM, root)], 50, limit, limit), fold=False)
        some = found(steps)
        assert len(some) == limit - 1
        assert sorted(some.values()) == sorted(everything.values())[: limit - 1]
        nearest = {row.ref for row in downstream.of([root.pk], limit)} - {root}
        assert sorted(everything[ref] for ref in nearest) == sorted(everything.values())[:limit]


def test_downstream_of_several_versions(tangle):
    down, _ = rows_as_graph(fold=False)
    roots = [Ref(VERSION, version.pk) for version in tangle[:3]]
    rows = downstream.of([root.pk for root in roots], 10_000)
    assert {row.ref for row in rows} == {*roots, *(ref for root in roots for ref in search(down, root, 1000))}
