"""Graphs as people can take them in: what is folded, where it is drawn, and the list of the same."""

import random
from datetime import UTC, datetime
from itertools import pairwise
from types import SimpleNamespace
from uuid import uuid4

from artifacts.lineage.graph import MAX_EXPANSIONS, Direction, Expansion, More, NodeKind
from web.lineage import expansions, folds, layout, outline, picture, texts


def node(id: str, kind: str = "version", **columns) -> SimpleNamespace:
    values = {
        "name": id, "type": "model", "url": f"/{id}", "project": "acme/demo", "version": "v1", "aliases": [],
        "size": 2048, "state": "finalized", "job_type": "", "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "more": More(0, 0),
    }  # fmt: skip
    if kind == "run":
        values |= {"version": None, "size": None, "state": "finished", "job_type": "train"}
    return SimpleNamespace(id=id, kind=kind, **values | columns)


def edge(source: str, target: str, kind: str = "used", *names: str) -> SimpleNamespace:
    return SimpleNamespace(source=source, target=target, kind=kind, requested_as=names)


def graph(nodes, edges, root: str = "root") -> SimpleNamespace:
    return SimpleNamespace(root=root, nodes=nodes, edges=edges, truncated=False)


def sweep(count: int) -> SimpleNamespace:
    """A dataset that many runs used, each of which logged a model; the last model is used by one more run."""
    runs = [node(f"run-{number:03}", "run") for number in range(count)]
    models = [node(f"model-{number:03}") for number in range(count)]
    runs[-2].state, last = "running", node("final", "run")
    edges = [edge("root", run.id, "used", "latest") for run in runs]
    edges += [edge(run.id, model.id, "logged") for run, model in zip(runs, models, strict=True)]
    edges.append(edge(models[-1].id, "final"))
    return graph([node("root", type="dataset"), *runs, *models, last], edges)


def url(field: str, value: str) -> str:
    return f"?{field}={value}"


def test_many_siblings_are_folded_and_opened_in_steps():
    folded = folds.fold(sweep(100))
    [fold] = folded.folds
    assert (fold.label, fold.behind, fold.next) == ("94 more runs", 95, 40)
    assert "run-098" in folded.steps, "what is running is shown first"
    assert len(folded.steps) == 1 + 6 + 6 + 1
    [behind] = [link for link in folded.links if link.target == fold.id]
    assert (behind.source, behind.kinds, behind.requested_as) == ("root", ["used"], ["latest"])

    again = folds.fold(sweep(100), [fold.id])
    assert [one.label for one in again.folds] == ["54 more runs"]
    for opened in ([fold.id] * 3, [folds.ALL]):
        assert len(folds.fold(sweep(100), opened).steps) == 202
    assert folds.fold(sweep(7)).folds == [], "one alone is not folded"


def test_what_is_drawn_is_in_columns_and_the_same_each_time():
    folded = folds.fold(sweep(20))
    drawn = picture.draw(folded, url)
    assert drawn == picture.draw(folds.fold(sweep(20)), url)
    at = {box.id: box for box in drawn.boxes}
    root, fold = at[picture.dom_id("root")], at[f"n-{folded.folds[0].id}"]
    assert root.is_root and root.x < fold.x == at[picture.dom_id("run-018")].x
    assert len({(box.x, box.y) for box in drawn.boxes}) == len(drawn.boxes)
    assert all(0 < box.x < drawn.width - picture.WIDTH and 0 < box.y < drawn.height for box in drawn.boxes)
    assert fold.title == "14 more runs, and 15 behind them. Show 14" and fold.url == f"?open={folded.folds[0].id}"
    assert {curve.title for curve in drawn.curves if curve.style == "used"} >= {"run-018 used root:v1 as latest"}


def test_cycles_and_long_edges_are_drawn():
    nodes = [node("root"), node("a", "run"), node("b"), node("c", "run"), node("d")]
    edges = [edge("root", "a"), edge("a", "b", "logged"), edge("b", "c"), edge("c", "d", "logged"),
             edge("root", "c", "used", "v1"), edge("c", "root", "logged")]  # fmt: skip
    folded = folds.fold(graph(nodes, edges))
    drawn = picture.draw(folded, url)
    assert len(drawn.boxes) == 5 and len(drawn.curves) == 6
    assert all(curve.path.startswith("M") for curve in drawn.curves)
    assert layout.of(1, []).size == (1, 1)


def test_what_is_needed_late_is_drawn_beside_what_needs_it():
    """Each version of a chain has a run that logged it, and that used nothing."""
    versions, runs = range(8), range(8, 16)
    edges = [*pairwise(versions), *zip(runs, versions, strict=True)]
    drawn = layout.of(16, edges)
    assert [column for column, _ in drawn.nodes] == [*range(1, 9), *range(8)]
    assert not any(drawn.bends)


def test_nothing_is_drawn_over_something_else():
    for seed in range(8):
        chance = random.Random(seed)
        edges = sorted({(chance.randrange(max(0, to - 12), to), to) for to in range(1, 60) for _ in range(2)})
        columns: dict[int, list[float]] = {}
        for column, row in layout.of(60, edges).nodes:
            columns.setdefault(column, []).append(row)
        for rows in columns.values():
            assert all(below - above > 0.999 for above, below in pairwise(sorted(rows)))


def test_a_graph_with_too_many_edges_is_a_list():
    nodes = [node("root"), *(node(f"r{number}", "run") for number in range(60)), *(node(f"m{n}") for n in range(60))]
    edges = [edge("root", f"r{number}") for number in range(60)]
    edges += [edge(f"m{n}", f"r{number}") for number in range(60) for n in range(60)]
    folded = folds.fold(graph(nodes, edges), [folds.ALL])
    assert picture.draw(folded, url) is None
    assert len(outline.of(folded, url).downstream) == 120


def test_texts_are_cut_to_the_room_there_is():
    long = picture.draw(folds.fold(graph([node("w" * 128, version="v12")], [], "w" * 128)), url).boxes[0]
    assert long.suffix == ":v12" and long.name.endswith("…") and len(long.name) < 16
    assert "w" * 128 in long.title
    aliases = ["production", "latest", "eu-west", "best"]
    box = picture.draw(folds.fold(graph([node("root", aliases=aliases)], [])), url).boxes[0]
    assert box.details == "production, latest +2 · 2.0 KiB" or box.details == "production +3 · 2.0 KiB"
    assert texts.width("標識") > texts.width("ab") > texts.width("il")


def test_private_nodes_have_neither_name_nor_link():
    hidden = node("p1", "private", name="", type="", url="", project="", version=None, size=None, created_at=None)
    folded = folds.fold(graph([node("root"), hidden], [edge("root", "p1")]))
    box = next(box for box in picture.draw(folded, url).boxes if box.style == "private")
    assert (box.name, box.url, box.title) == ("Private", "", texts.NO_ACCESS)
    [row] = outline.of(folded, url).downstream
    assert (row.relation, row.name) == ("Used by", "Private")


def test_the_list_says_how_each_hangs_together():
    nodes = [node("root", more=More(3, 0)), node("train", "run"), node("best"), node("photos", more=More(0, 12))]
    edges = [edge("root", "train", "used", "production", "v1"), edge("train", "best", "logged"),
             edge("photos", "train"), edge("photos", "root", "derived", "v1")]  # fmt: skip
    rows = outline.of(folds.fold(graph(nodes, edges)), url)
    assert [(row.relation, row.name, row.requested_as) for row in rows.downstream] == [
        ("Used by", "train", ["production", "v1"]), ("Logged", "best:v1", []),
    ]  # fmt: skip
    [photos] = rows.upstream
    assert photos.relation == "Derived from" and photos.also == ["train"]
    assert photos.expand_urls == [(12, "downstream", "?from=downstream.version.photos")]


def test_the_url_says_what_is_expanded():
    pks = [uuid4() for _ in range(MAX_EXPANSIONS + 1)]
    first, *_ = expected = [Expansion(Direction.DOWNSTREAM, NodeKind.RUN, pk) for pk in pks]
    values = [f"downstream.run.{pk}" for pk in pks]
    assert expansions.parse(values) == expected[:MAX_EXPANSIONS]
    assert expansions.parse([values[0]] * 3) == [first]
    wrong = ["", "downstream", f"downstream.{pks[0]}", f"both.run.{pks[0]}", f"downstream.private.{pks[0]}",
             "downstream.run.private-1", f"downstream.run.{pks[0].hex}", "downstream.run.\0"]  # fmt: skip
    assert expansions.parse(wrong) == []
    assert expansions.value_of("downstream", node(str(pks[0]), "run")) == values[0]
