"""A dataset, its versions, and the partitions of each.

python examples/records/use_case_dataset_partitions.py
"""

import asyncio
import os

from wanllmdb import records
from wanllmdb.records import ArtifactHierarchy, ArtifactIn

URL = os.environ.get("RECORDS_URL", "sqlite://:memory:")
HIERARCHY = ArtifactHierarchy(name="datasets", level_labels={0: "dataset", 1: "version", 2: "partition"})


async def main() -> None:
    async with records.connect(URL, hierarchy=HIERARCHY) as manager:
        dataset = await manager.save(ArtifactIn(data={"name": "customers"}))
        version = await manager.save(ArtifactIn(parent_id=dataset.id, data={"version": "2026-05", "rows": 1_000_000}))
        # Several records in one step: all of them are stored, or none.
        partitions = await manager.save_all(
            [
                ArtifactIn(parent_id=version.id, data={"partition": name, "rows": rows})
                for name, rows in [("train", 800_000), ("validation", 100_000), ("test", 100_000)]
            ]
        )
        assert sum(partition.data["rows"] for partition in partitions) == version.data["rows"]

        for record in await manager.find_subtree(dataset.id):
            print(f"{'  ' * record.level}{HIERARCHY.label_for(record.level)}: {record.data}")


if __name__ == "__main__":
    asyncio.run(main())
