"""Whatever people do with records in whatever order: levels, parents and counts are what a small model says.

The model is a dictionary of parents and one of data. After each step the hierarchy must have refused what the model
refuses, for the same reason, and hold the same records; the database's own constraints are asked as well.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts.actor import Actor
from accounts.models import User
from hierarchies import exports, hierarchies, imports, records, trees, ulids
from hierarchies.errors import RegistryError
from hierarchies.models import Hierarchy, Record
from hierarchies.records import RecordSpec

LEVELS = 4
somewhere = st.one_of(st.none(), st.integers(0, 20))
which = st.integers(0, 20)
# Without what is refused: NUL, and halves of surrogate pairs.
text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=3)
data = st.dictionaries(st.sampled_from(["name", "n"]), st.integers(-5, 5) | text, max_size=2)


class Refused(Exception):
    """What the model refuses; the message is the code of the refusal."""


class Model:
    """Records by id, with nothing but parents and data."""

    def __init__(self) -> None:
        self.parents: dict[str, str | None] = {}
        self.data: dict[str, Any] = {}

    def level(self, pk: str) -> int:
        return len(self.above(pk))

    def above(self, pk: str) -> list[str]:
        found = []
        parent = self.parents[pk]
        while parent is not None:
            found.append(parent)
            parent = self.parents[parent]
        return found

    def below(self, pk: str) -> list[str]:
        return [other for other in self.parents if other == pk or pk in self.above(other)]

    def add(self, new: dict[str, tuple[str | None, Any]]) -> None:
        trial = Model()
        trial.parents = self.parents | {pk: parent for pk, (parent, _) in new.items()}
        if any(trial.level(pk) >= LEVELS for pk in new):
            raise Refused("LevelRefused")
        self.parents = trial.parents
        self.data |= {pk: value for pk, (_, value) in new.items()}

    def move(self, pk: str, parent: str | None) -> None:
        if parent is not None and pk in [parent, *self.above(parent)]:
            raise Refused("MoveRefused")
        shift = (self.level(parent) + 1 if parent else 0) - self.level(pk)
        if any(self.level(other) + shift >= LEVELS for other in self.below(pk)):
            raise Refused("LevelRefused")
        self.parents[pk] = parent

    def delete(self, *pks: str) -> None:
        if any(parent in pks and pk not in pks for pk, parent in self.parents.items()):
            raise Refused("HasChildren")
        for pk in pks:
            del self.parents[pk], self.data[pk]


class Trees(RuleBasedStateMachine):
    """The same act on the model and in the hierarchy."""

    def __init__(self, bob: User, hierarchy: Hierarchy) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.actor, self.hierarchy, self.model = Actor(bob), hierarchy, Model()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    def both(self, name: str, *how: Any, by: Callable[[], Any]) -> Any:
        """Do it on the model and in the hierarchy: alike, or fail. The model changes nothing that it refuses."""
        try:
            getattr(self.model, name)(*how)
        except Refused as refusal:
            with pytest.raises(RegistryError) as refused:
                by()
            assert refused.value.code == str(refusal)
            return None
        return by()

    def pick(self, index: int | None) -> str | None:
        pks = sorted(self.model.parents)
        return pks[index % len(pks)] if pks and index is not None else None

    def row(self, pk: str) -> Record:
        return records.get(self.hierarchy, pk)

    @initialize()
    def some_records(self) -> None:
        for index in (None, 0, 0, None):
            self.save(index, {})

    @rule(parent=somewhere, value=data)
    def save(self, parent: int | None, value: Any) -> None:
        pk, parent_id = ulids.new(), self.pick(parent)
        spec = RecordSpec(value, parent_id=parent_id, id=pk.lower())
        self.both("add", {pk: (parent_id, value)}, by=lambda: records.create(self.actor, self.hierarchy, spec))

    @rule(values=st.lists(data, min_size=1, max_size=4), parent=somewhere, is_chain=st.booleans())
    def save_all(self, values: list[Any], parent: int | None, is_chain: bool) -> None:
        """Children before their parents: the order within a call is free."""
        ids = [ulids.new() for _ in values]
        top = self.pick(parent)
        parents = [*ids[1:], top] if is_chain else [top] * len(ids)
        named = [f"#{place + 1}" for place in range(len(ids) - 1)] if is_chain else []
        named = [*named, top] if is_chain else parents
        specs = [RecordSpec(value, parent_id=name, id=pk) for value, name, pk in zip(values, named, ids, strict=True)]
        new = {pk: (up, value) for pk, up, value in zip(ids, parents, values, strict=True)}
        self.both("add", new, by=lambda: records.create_many(self.actor, self.hierarchy, specs))

    @rule(index=which, value=data)
    def change(self, index: int, value: Any) -> None:
        if pk := self.pick(index):
            records.update(self.actor, self.row(pk), data=value)
            self.model.data[pk] = value

    @rule(index=which, to=somewhere)
    def move(self, index: int, to: int | None) -> None:
        if pk := self.pick(index):
            parent = self.pick(to)
            row = self.row(pk)
            self.both("move", pk, parent, by=lambda: records.move(self.actor, row, parent))

    @rule(index=which)
    def delete(self, index: int) -> None:
        if pk := self.pick(index):
            row = self.row(pk)
            self.both("delete", pk, by=lambda: records.delete(self.actor, row))

    @rule(index=which)
    def delete_subtree(self, index: int) -> None:
        if pk := self.pick(index):
            row, below = self.row(pk), self.model.below(pk)
            assert self.both("delete", *below, by=lambda: records.delete_subtree(self.actor, row)) == len(below)

    @rule(indexes=st.sets(which, min_size=1, max_size=3))
    def delete_many(self, indexes: set[int]) -> None:
        if pks := sorted({pk for index in indexes if (pk := self.pick(index))}):
            self.both("delete", *pks, by=lambda: records.delete_many(self.actor, self.hierarchy, pks))

    @rule(index=which, order=st.randoms(use_true_random=False))
    def export_and_import(self, index: int, order: Any) -> None:
        """A subtree goes and comes back, its lines in any order."""
        if pk := self.pick(index):
            below = set(self.model.below(pk))
            lines = [line for line in exports.lines(self.hierarchy) if json.loads(line)["id"] in below]
            assert len(lines) == len(below)
            records.delete_subtree(self.actor, self.row(pk))
            order.shuffle(lines)
            assert imports.run(self.actor, self.hierarchy, lines).records == len(below)

    @rule(index=which, place=st.integers(0, 3))
    def import_a_bad_line(self, index: int, place: int) -> None:
        lines = [json.dumps({"data": {}, "parent_id": self.pick(index)}).encode(), b'{"data": {}}', b'{"data": {}}']
        lines.insert(place, b'{"data": ')
        with pytest.raises(RegistryError, match=f"^Line {place + 1} "):
            imports.run(self.actor, self.hierarchy, lines)

    @invariant()
    def the_records_are_those_of_the_model(self) -> None:
        connection.check_constraints()
        rows = {row.pk: row for row in Record.objects.filter(hierarchy=self.hierarchy)}
        assert {pk: row.parent_id for pk, row in rows.items()} == self.model.parents
        assert {pk: row.data for pk, row in rows.items()} == self.model.data
        assert {pk: row.level for pk, row in rows.items()} == {pk: self.model.level(pk) for pk in rows}
        assert Hierarchy.objects.get(pk=self.hierarchy.pk).record_count == len(rows)

    @invariant()
    def trees_are_those_of_the_model(self) -> None:
        for pk in sorted(self.model.parents)[:2]:
            row = self.row(pk)
            found = trees.expand(row)
            assert {below.pk for below in found.descendants} == set(self.model.below(pk)) - {pk}
            assert [above.pk for above in found.ancestors] == self.model.above(pk)[::-1]
            levels = [below.level for below in found.descendants]
            assert levels == sorted(levels)


def test_records_are_what_a_small_model_says(alice, bob, project):
    labels = {str(level): f"level-{level}" for level in range(LEVELS)}
    hierarchy = hierarchies.create(Actor(alice), project, "model", level_labels=labels, enforce_levels=True)
    run_state_machine_as_test(
        lambda: Trees(bob, hierarchy),
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
        ),
    )
