"""Two processes that move subtrees of one database at once never make a cycle or a wrong level."""

import subprocess
import sys

from wanllmdb import records
from wanllmdb.records import ArtifactIn

MOVES = """
import asyncio, random, sys
from wanllmdb import records

async def main():
    choose = random.Random(sys.argv[2])
    async with records.connect(sys.argv[1]) as manager:
        ids = [record.id for record in await manager.find_all()]
        moved = 0
        for _ in range(30):
            try:
                await manager.move(*choose.sample(ids, 2))
                moved += 1
            except records.MoveRefused:
                pass
        print(moved)

asyncio.run(main())
"""


async def test_two_processes_move_subtrees_at_once(address):
    async with records.connect(address) as manager:
        await manager.save_all(ArtifactIn(data=number) for number in range(12))
    command = [sys.executable, "-c", MOVES, address]
    processes = [subprocess.Popen([*command, seed], stdout=subprocess.PIPE, text=True) for seed in "ab"]
    moved = [int(process.communicate(timeout=300)[0]) for process in processes]
    assert all(moved)
    async with records.connect(address) as manager:
        found = {record.id: record for record in await manager.find_all()}
        for record in found.values():
            assert record.level == (0 if record.parent_id is None else found[record.parent_id].level + 1)
        roots = [record.id for record in found.values() if record.parent_id is None]
        assert sum([len(await manager.find_subtree(root)) for root in roots]) == 12
