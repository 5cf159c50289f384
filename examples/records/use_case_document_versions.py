"""Documents whose versions are children that nobody overwrites.

python examples/records/use_case_document_versions.py
"""

import asyncio
import os

from wanllmdb import records
from wanllmdb.records import ArtifactHierarchy, ArtifactIn

URL = os.environ.get("RECORDS_URL", "sqlite://:memory:")
HIERARCHY = ArtifactHierarchy(name="documents", level_labels={0: "project", 1: "document", 2: "version"})


async def main() -> None:
    async with records.connect(URL, hierarchy=HIERARCHY) as manager:
        project = await manager.save(ArtifactIn(data={"name": "API handbook"}))
        document = await manager.save(ArtifactIn(parent_id=project.id, data={"title": "Signing in"}))
        for version, content in [("1.0", "Send a password."), ("1.1", "Send a key."), ("2.0", "Send a token.")]:
            await manager.save(ArtifactIn(parent_id=document.id, data={"version": version, "content": content}))

        tree = await manager.build_tree(document.id)
        assert tree is not None
        for node in tree.children:
            print(f"{tree.data['title']} {node.data['version']}: {node.data['content']}")

        # The document cannot go while its versions are there.
        try:
            await manager.delete_by_id(document.id)
        except records.errors.HasChildren as error:
            print(error)
        assert await manager.exists_by_id(document.id)


if __name__ == "__main__":
    asyncio.run(main())
