"""Any sequence of saves, moves and deletions leaves what a small model says: parents, levels, data and counts."""

import asyncio
import uuid

import psycopg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from harness import servers
from wanllmdb.records import ArtifactHierarchy, ArtifactIn, ArtifactManager, connections, errors
from wanllmdb.records.ids import new_ulid

LABELS = {0: "a", 1: "b", 2: "c", 3: "d"}
DATA = st.one_of(st.integers(0, 9), st.just({"content": {1, 2}}), st.lists(st.text(max_size=3), max_size=2))


class RecordsMachine(RuleBasedStateMachine):
    """`self.model` has the parent and the data of each record by its ID."""

    address = "sqlite://:memory:"
    ids = Bundle("ids")

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        hierarchy = ArtifactHierarchy(name="h", level_labels=LABELS)
        repository = self.run(connections.open_repository(self.address, hierarchy=hierarchy))
        self.manager = ArtifactManager(repository, hierarchy)
        self.run(self.manager.delete_all_by_id([record.id for record in self.run(self.manager.find_all())]))
        self.model = {}

    def run(self, awaitable):
        return self.loop.run_until_complete(awaitable)

    def teardown(self):
        self.run(self.manager.repository.close())
        self.loop.close()

    def path(self, id):
        """The record and its ancestors, by the model."""
        found = [id]
        while self.model[found[-1]][0] is not None:
            found.append(self.model[found[-1]][0])
        return found

    def subtree(self, id):
        return [other for other in self.model if id in self.path(other)]

    def height(self, id):
        return max(len(self.path(other)) for other in self.subtree(id)) - len(self.path(id))

    @rule(target=ids, parents=st.lists(st.one_of(st.none(), ids), min_size=1, max_size=3), data=DATA)
    def save(self, parents, data):
        items = [ArtifactIn(id=new_ulid(), data=data, parent_id=parent) for parent in parents]
        levels = [
            0 if parent is None else len(self.path(parent)) for parent in parents if parent in {None, *self.model}
        ]
        refusal = None
        for parent in parents:
            if parent is not None and parent not in self.model:
                refusal = errors.RecordNotFound
            elif parent is not None and len(self.path(parent)) > 3:
                refusal = errors.LevelRefused
            if refusal:
                break
        if refusal:
            self.refuses(self.manager.save_all(items), refusal)
            return multiple()
        saved = self.run(self.manager.save_all(items))
        assert [record.level for record in saved] == levels
        self.model |= {record.id: (record.parent_id, data) for record in saved}
        return multiple(*(record.id for record in saved))

    @rule(id=ids, data=DATA)
    def update(self, id, data):
        if id not in self.model:
            return
        self.run(self.manager.save(ArtifactIn(id=id, data=data)))
        self.model[id] = (self.model[id][0], data)

    @rule(id=ids, parent=st.one_of(st.none(), ids))
    def move(self, id, parent):
        if id not in self.model or (parent is not None and parent not in self.model):
            self.refuses(self.manager.move(id, parent), errors.RecordNotFound)
        elif parent is not None and id in self.path(parent):
            self.refuses(self.manager.move(id, parent), errors.MoveRefused)
        elif parent is not None and len(self.path(parent)) + self.height(id) > 3:
            self.refuses(self.manager.move(id, parent), errors.LevelRefused)
        else:
            self.run(self.manager.move(id, parent))
            self.model[id] = (parent, self.model[id][1])

    @rule(some=st.lists(ids, max_size=3))
    def delete(self, some):
        if any(parent in some and id not in some for id, (parent, _) in self.model.items()):
            self.refuses(self.manager.delete_all_by_id(some), errors.HasChildren)
            return
        self.run(self.manager.delete_all_by_id(some))
        self.model = {id: kept for id, kept in self.model.items() if id not in some}

    @rule(id=consumes(ids))
    def delete_subtree(self, id):
        gone = self.subtree(id) if id in self.model else []
        assert self.run(self.manager.delete_subtree(id)) == len(gone)
        self.model = {other: kept for other, kept in self.model.items() if other not in gone}

    @rule(id=ids)
    def trees(self, id):
        nodes = self.run(self.manager.find_subtree(id))
        assert {node.id for node in nodes} == set(self.subtree(id) if id in self.model else ())
        if id in self.model:
            expanded = self.run(self.manager.expand_artifact(id))
            assert [node.id for node in expanded.ancestors] == self.path(id)[:0:-1]

    @invariant()
    def agrees(self):
        found = self.run(self.manager.find_all())
        assert {record.id: (record.parent_id, record.data) for record in found} == self.model
        assert all(record.level == len(self.path(record.id)) - 1 for record in found)
        assert self.run(self.manager.count()) == len(self.model)

    def refuses(self, awaitable, refusal):
        try:
            self.run(awaitable)
        except refusal:
            return
        raise AssertionError(f"{refusal.__name__} was not raised")


def test_any_sequence_of_changes(home):
    machine = RecordsMachine
    if servers.on_postgres():
        name = f"records_{uuid.uuid4().hex}"
        with psycopg.connect(f"{servers.postgres()}/postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        machine = type("PostgresMachine", (RecordsMachine,), {"address": f"{servers.postgres()}/{name}"})
    checks = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=checks),
    )
