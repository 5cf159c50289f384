"""Saving, finding, moving and deleting records of a local database."""

import asyncio

import pytest
from pydantic import ValidationError
from sqlalchemy import event

from wanllmdb import records
from wanllmdb.records import ArtifactHierarchy, ArtifactIn, errors
from wanllmdb.records.ids import new_ulid
from wanllmdb.sdk.errors import Conflict, Invalid


async def save(manager, parent=None, **data):
    return await manager.save(ArtifactIn(parent_id=parent and parent.id, data=data))


async def save_chain(manager, length):
    """Records below one another."""
    chain = [await save(manager, n=0)]
    for number in range(1, length):
        chain.append(await save(manager, chain[-1], n=number))
    return chain


async def levels(manager, root):
    return [node.level for node in await manager.find_subtree(root.id)]


async def test_a_record_is_saved_and_found(address, hierarchy):
    async with records.connect(address, hierarchy=hierarchy) as manager:
        root = await manager.save(ArtifactIn(data={"experiment": "v1"}, tags=["new"]))
        child = await save(manager, root, model="trained", type="linear")
        found = await manager.find_by_id(child.id)
        assert (root.level, root.parent_id, root.tags) == (0, None, ["new"])
        assert (found.level, found.parent_id, found.type) == (1, root.id, "linear")
        assert found.data == {"model": "trained", "type": "linear"}
        assert found == child
        assert found.created_at.utcoffset().total_seconds() == 0
        assert found.model_dump(mode="json")["created_at"].endswith("Z")
        assert found.model_dump(mode="json")["id"] == str(child.id)
        assert await manager.find_by_id(new_ulid()) is None
        assert await manager.exists_by_id(root.id)
        assert not await manager.exists_by_id(new_ulid())
        assert await manager.count() == 2


async def test_any_json_but_null_is_data(address):
    async with records.connect(address) as manager:
        for data in (
            {},
            [],
            [1, None, {"a": [True]}],
            "text",
            0,
            False,
            1.0,
            2.5,
            {"": {"a/b~c": 1}},
            10**30,
            "ä\u2028😀",
        ):
            saved = await manager.save(ArtifactIn(data=data))
            assert saved.data == data
            found = await manager.find_by_id(saved.id)
            assert (found.data, type(found.data)) == (data, type(data))
        with pytest.raises(ValidationError, match="must not be null"):
            ArtifactIn(data=None)
        with pytest.raises(errors.InvalidData, match="must not be null"):
            await manager.save(ArtifactIn.model_construct(data=None))


async def test_the_order_of_keys_is_kept(address):
    async with records.connect(address) as manager:
        saved = await manager.save(ArtifactIn(data={"z": 1, "a": 2, "m": {"y": 1, "b": 2}}))
        assert str((await manager.find_by_id(saved.id)).data) == "{'z': 1, 'a': 2, 'm': {'y': 1, 'b': 2}}"


async def test_an_update_changes_what_is_given(address):
    async with records.connect(address) as manager:
        root = await save(manager)
        child = await manager.save(ArtifactIn(parent_id=root.id, data={"a": 1}, tags=["x"]))
        updated = await manager.save(ArtifactIn(id=child.id, data={"b": 2}))
        assert (updated.data, updated.parent_id, updated.tags) == ({"b": 2}, root.id, ["x"])
        assert updated.created_at == child.created_at
        assert updated.updated_at > child.updated_at
        as_root = await manager.save(ArtifactIn(id=child.id, data={"b": 2}, parent_id=None, tags=[]))
        assert (as_root.parent_id, as_root.level, as_root.tags) == (None, 0, [])
        assert await manager.find_by_id(child.id) == as_root


async def test_a_new_record_may_bring_its_id(address):
    async with records.connect(address) as manager:
        id = new_ulid()
        assert (await manager.save(ArtifactIn(id=id, data={}))).id == id
        with pytest.raises(errors.IdTaken):
            both = [ArtifactIn(id=(other := new_ulid()), data={}), ArtifactIn(id=other, data={})]
            await manager.save_all(both)
        assert await manager.count() == 1


async def test_save_all_takes_parents_of_the_same_call(address, hierarchy):
    async with records.connect(address, hierarchy=hierarchy) as manager:
        ids = [new_ulid() for _ in range(3)]
        items = [ArtifactIn(id=id, parent_id=parent, data={}) for id, parent in zip(ids, [None, *ids], strict=False)]
        assert [record.level for record in await manager.save_all(items)] == [0, 1, 2]
        assert await manager.save_all([]) == []


async def test_save_all_saves_all_or_none(address, hierarchy):
    async with records.connect(address, hierarchy=hierarchy) as manager:
        root = await save(manager, a=1)
        with pytest.raises(errors.RecordNotFound, match="no record"):
            await manager.save_all(
                [
                    ArtifactIn(data={}),
                    ArtifactIn(id=root.id, data={"a": 2}),
                    ArtifactIn(parent_id=new_ulid(), data={}),
                ]
            )
        assert await manager.count() == 1
        assert (await manager.find_by_id(root.id)).data == {"a": 1}


async def test_save_all_inserts_many_rows_at_a_time(address):
    async with records.connect(address) as manager:
        statements = count_statements(manager)
        await manager.save_all(ArtifactIn(data={"n": n}) for n in range(1_000))
        assert sum(statement.startswith("INSERT") for statement in statements) == 1
        assert len(statements) <= 4
        assert [record.data["n"] for record in await manager.find_all()] == list(range(1_000))


async def test_pages_have_bounds(address):
    async with records.connect(address) as manager:
        await manager.save_all(ArtifactIn(data=n) for n in range(7))
        page, total = await manager.find_paginated(2, 3)
        assert ([record.data for record in page], total) == ([3, 4, 5], 7)
        assert await manager.find_paginated(4, 3) == ([], 7)
        assert len((await manager.find_paginated())[0]) == 7
        for number, size in ((0, 10), (-1, 10), (1, 0), (1, -5), (1, 201), (1, 10**9)):
            with pytest.raises(Invalid, match="1 to 200"):
                await manager.find_paginated(number, size)
        assert await manager.find_paginated(10**15, 200) == ([], 7)


async def test_records_are_filtered(address):
    async with records.connect(address) as manager:
        root = await manager.save(ArtifactIn(data={"name": "a", "n": 1, "on": True, "m": {"rmse": 0.25}}, tags=["x"]))
        other = await manager.save(ArtifactIn(data={"name": "b", "n": "1", "on": 1, "m": None, "type": "t"}))
        child = await save(manager, root, name="a", n=1.0)

        async def found(**filters):
            ids = [record.id for record in await manager.find_all(**filters)]
            page, total = await manager.find_paginated(**filters)
            assert [record.id for record in page] == ids
            assert total == len(ids) == await manager.count(**filters)
            return ids

        assert await found(level=1) == [child.id]
        assert await found(parent_id=None) == [root.id, other.id]
        assert await found(parent_id=str(root.id).lower()) == [child.id]
        assert await found(type="t") == [other.id]
        assert await found(tag="x") == [root.id]
        assert await found(tag="%") == []
        assert await found(data={"name": "a"}) == [root.id, child.id]
        assert await found(data={"name": "a"}, level=0) == [root.id]
        assert await found(data={"n": 1}) == [root.id, child.id]
        assert await found(data={"n": "1"}) == [other.id]
        assert await found(data={"on": True}) == [root.id]
        assert await found(data={"on": 1}) == [other.id]
        assert await found(data={"m": None}) == [other.id]
        assert await found(data={"m.rmse": 0.25}) == [root.id]
        assert await found(data={"name": "a' OR 1=1 --"}) == []
        assert await found(data={"x' OR 1=1 --": "a"}) == []
        # Values that no record can have are found in none.
        for odd in ("a\0", "\ud800", 10**30, 10**400, float("nan"), float("inf"), -(2**63) - 1):
            assert await found(data={"name": odd}) == []
        for filters in ({"level": 10**30}, {"level": -1}, {"type": "a\0"}, {"tag": "\ud800"}, {"data": {"a\ud800": 1}}):
            assert await found(**filters) == []
        for path in ("", "a..b", 'a"b', "a\\"):
            with pytest.raises(errors.InvalidData, match="not the path of a member"):
                await manager.count(data={path: 1})
        with pytest.raises(errors.InvalidData, match="not by list"):
            await manager.count(data={"m": [1]})


async def test_tags_and_types_are_texts_that_every_database_keeps(address):
    for wrong in ({"tags": ["a\0"]}, {"tags": [""]}, {"tags": ["x" * 129]}, {"type": "\ud800"}, {"type": "x" * 129}):
        with pytest.raises(ValidationError):
            ArtifactIn(data={}, **wrong)
    async with records.connect(address) as manager:
        saved = await manager.save(ArtifactIn(data={"type": "a\0"}, tags=["ä"]))
        assert (saved.type, saved.tags) == ("", ["ä"])


async def test_ids_are_taken_in_lower_case(address):
    async with records.connect(address) as manager:
        root = await save(manager)
        child = await manager.save(ArtifactIn(parent_id=str(root.id).lower(), data={}))
        assert child.parent_id == root.id
        assert (await manager.find_by_id(str(child.id).lower())).id == child.id
        assert (await manager.build_tree(str(root.id).lower())).children[0].id == child.id
        for bad in ("", "x", "8" + "Z" * 25, str(root.id)[:-1] + "U", "'; DROP TABLE artifacts", None, 5):
            with pytest.raises(errors.InvalidUlid, match="is not a ULID"):
                await manager.find_by_id(bad)


async def test_a_tree_is_one_query(address):
    async with records.connect(address) as manager:
        root = await save(manager, n="root")
        parents = await manager.save_all(ArtifactIn(parent_id=root.id, data={"n": n}) for n in range(3))
        await manager.save_all(ArtifactIn(parent_id=parents[1].id, data={"n": n}) for n in range(2))
        statements = count_statements(manager)
        tree = await manager.build_tree(root.id)
        assert len([statement for statement in statements if "SELECT" in statement]) == 1
        assert [child.data["n"] for child in tree.children] == [0, 1, 2]
        assert [len(child.children) for child in tree.children] == [0, 2, 0]
        assert tree.children[1].children[1].level == 2
        shallow = await manager.build_tree(root.id, max_depth=1)
        assert [child.children for child in shallow.children] == [[], [], []]
        assert (await manager.build_tree(root.id, max_depth=0)).children == []
        assert await manager.build_tree(new_ulid()) is None
        assert await manager.find_subtree(new_ulid()) == []
        with pytest.raises(Invalid, match="at least 0"):
            await manager.build_tree(root.id, max_depth=-1)


async def test_a_node_is_expanded_to_all_ancestors_and_descendants(address, hierarchy):
    async with records.connect(address, hierarchy=hierarchy) as manager:
        root, middle, leaf = await save_chain(manager, 3)
        await save(manager, root, n="aside")
        node = await manager.expand_artifact(middle.id)
        assert [ancestor.id for ancestor in node.ancestors] == [root.id]
        assert [child.id for child in node.children] == [leaf.id]
        assert (node.level_label, node.hierarchy) == ("model", "ml_pipeline")
        assert [ancestor.level_label for ancestor in node.ancestors] == ["experiment"]
        assert [a.id for a in (await manager.expand_artifact(leaf.id)).ancestors] == [root.id, middle.id]
        assert await manager.expand_artifact(new_ulid()) is None


async def test_a_subtree_that_moves_takes_its_levels_along(address):
    async with records.connect(address) as manager:
        first = await save_chain(manager, 3)
        second = await save_chain(manager, 4)
        moved = await manager.move(second[1].id, first[2].id)
        assert (moved.level, moved.parent_id) == (3, first[2].id)
        assert await levels(manager, first[0]) == [0, 1, 2, 3, 4, 5]
        assert await levels(manager, second[0]) == [0]
        assert (await manager.move(second[1].id, None)).level == 0
        assert await levels(manager, second[1]) == [0, 1, 2]
        # By `save` too, whose data changes with it.
        again = await manager.save(ArtifactIn(id=second[1].id, data={"n": "new"}, parent_id=first[0].id))
        assert (again.level, again.data) == (1, {"n": "new"})
        assert await levels(manager, second[1]) == [1, 2, 3]
        with pytest.raises(errors.RecordNotFound):
            await manager.move(new_ulid(), None)
        with pytest.raises(errors.RecordNotFound, match="to be the parent"):
            await manager.move(first[0].id, new_ulid())


async def test_a_record_does_not_move_under_itself_or_its_descendants(address):
    """In the originals this never ended."""
    async with records.connect(address) as manager:
        chain = await save_chain(manager, 4)
        for target in chain[1:]:
            with pytest.raises(errors.MoveRefused, match="own descendant") as refusal:
                await manager.move(chain[0].id, target.id)
            assert refusal.value.status == 400
        with pytest.raises(errors.MoveRefused, match="under itself"):
            await manager.save(ArtifactIn(id=chain[0].id, data={}, parent_id=chain[0].id))
        assert await levels(manager, chain[0]) == [0, 1, 2, 3]


async def test_a_record_with_children_is_not_deleted(address):
    """In the originals it was, and levels were wrong from then on."""
    async with records.connect(address) as manager:
        root, middle, leaf = await save_chain(manager, 3)
        with pytest.raises(errors.HasChildren, match="has a child") as refusal:
            await manager.delete_by_id(root.id)
        assert refusal.value.status == 409
        with pytest.raises(errors.HasChildren):
            await manager.delete_all_by_id([leaf.id, root.id])
        assert await levels(manager, root) == [0, 1, 2]
        await manager.delete_by_id(leaf.id)
        await manager.delete_by_id(leaf.id)
        await manager.delete_all_by_id([root.id, middle.id, new_ulid()])
        assert await manager.count() == 0


async def test_a_subtree_is_deleted_whole(address):
    async with records.connect(address) as manager:
        root, middle, _ = await save_chain(manager, 3)
        aside = await save(manager, root)
        assert await manager.delete_subtree(middle.id) == 2
        assert [record.id for record in await manager.find_all()] == [root.id, aside.id]
        assert await manager.delete_subtree(new_ulid()) == 0


async def test_an_unknown_parent_is_refused(address):
    """In the originals this was an error of the server."""
    async with records.connect(address) as manager:
        with pytest.raises(errors.RecordNotFound, match="to be the parent") as refusal:
            await manager.save(ArtifactIn(parent_id=new_ulid(), data={}))
        assert refusal.value.status == 404
        assert await manager.count() == 0


async def test_levels_beyond_the_labels_are_refused(address, hierarchy):
    """In the originals they were accepted."""
    async with records.connect(address, hierarchy=hierarchy) as manager:
        chain = await save_chain(manager, 3)
        with pytest.raises(errors.LevelRefused, match=r"Level 3 is beyond .* the last is 2 \(predictions\)"):
            await save(manager, chain[-1])
        other = await save_chain(manager, 2)
        with pytest.raises(errors.LevelRefused):
            await manager.move(other[0].id, chain[1].id)
        assert await manager.count() == 5
        assert (await manager.move(other[1].id, chain[1].id)).level == 2


async def test_without_enforcement_labels_are_only_names(address):
    loose = ArtifactHierarchy(name="loose", level_labels={0: "root"}, enforce_levels=False)
    async with records.connect(address, hierarchy=loose) as manager:
        chain = await save_chain(manager, 3)
        nodes = await manager.find_subtree(chain[0].id)
        assert [node.level_label for node in nodes] == ["root", "level_1", "level_2"]


async def test_a_tree_has_64_levels_at_most(address):
    async with records.connect(address) as manager:
        ids = [new_ulid() for _ in range(64)]
        items = [ArtifactIn(id=id, parent_id=parent, data={}) for id, parent in zip(ids, [None, *ids], strict=False)]
        assert (await manager.save_all(items))[-1].level == 63
        with pytest.raises(errors.LevelRefused, match="at most 64 levels"):
            await manager.save(ArtifactIn(parent_id=ids[-1], data={}))
        with pytest.raises(errors.LevelRefused, match="at most 64 levels"):
            await manager.move(ids[0], (await save(manager)).id)
        assert await manager.count() == 65


async def test_the_database_itself_keeps_levels(address):
    """Whoever else writes to it: a wrong level, a cycle and an orphan are refused by the tables."""
    async with records.connect(address) as manager:
        root, middle, leaf = await save_chain(manager, 3)
        changes = (
            f"UPDATE artifacts SET level = 5 WHERE id = '{leaf.id}'",
            f"UPDATE artifacts SET level = 1 WHERE id = '{root.id}'",
            f"UPDATE artifacts SET parent_id = '{leaf.id}', level = 3 WHERE id = '{middle.id}'",
            f"UPDATE artifacts SET parent_id = '{middle.id}' WHERE id = '{middle.id}'",
            f"DELETE FROM artifacts WHERE id = '{middle.id}'",
            f"UPDATE artifacts SET parent_id = NULL WHERE id = '{leaf.id}'",
        )
        for change in changes:
            with pytest.raises(Conflict):
                async with manager.repository._database.writing(alone=True) as connection:
                    await connection.exec_driver_sql(change)
        assert await levels(manager, root) == [0, 1, 2]


async def test_many_tasks_use_one_manager(address):
    async with records.connect(address) as manager:
        root = await save(manager)

        async def work(number):
            child = await save(manager, root, n=number)
            await save(manager, child, n=number)
            assert (await manager.find_by_id(child.id)).data == {"n": number}
            return child

        children = await asyncio.gather(*(work(number) for number in range(30)))
        # Two by two under each other: one of both is refused, and never both succeed.
        pairs = [(a, b) for pair in zip(children[::2], children[1::2], strict=True) for a, b in (pair, pair[::-1])]
        outcomes = await asyncio.gather(*(manager.move(a.id, b.id) for a, b in pairs), return_exceptions=True)
        assert sum(isinstance(outcome, errors.MoveRefused) for outcome in outcomes) == 15
        assert sorted(await levels(manager, root)) == [0] + [1] * 15 + [2] * 30 + [3] * 15


async def test_two_managers_of_one_database_agree(address):
    async with records.connect(address) as one, records.connect(address) as two:
        root = await save(one)
        a, b = await save(one, root), await save(two, root)
        outcomes = await asyncio.gather(one.move(a.id, b.id), two.move(b.id, a.id), return_exceptions=True)
        assert sum(isinstance(outcome, errors.MoveRefused) for outcome in outcomes) == 1
        assert await levels(two, root) == [0, 1, 2]


def count_statements(manager):
    statements = []
    engine = manager.repository._database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    return statements
