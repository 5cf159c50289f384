"""Records of your own kind: metadata with any fields, content of any JSON, three levels.

python examples/records/03_generic.py
"""

import asyncio
import os

from wanllmdb import records
from wanllmdb.records import ArtifactHierarchy, ArtifactIn, GenericArtifactData, GenericMetadata

URL = os.environ.get("RECORDS_URL", "sqlite://:memory:")
HIERARCHY = ArtifactHierarchy(name="handbook", level_labels={0: "project", 1: "document", 2: "version"})


def generic(content: object, content_type: str = "application/json", **metadata: object) -> dict[str, object]:
    """The content is plain JSON, so the whole of it may be dumped."""
    data = GenericArtifactData(
        type="generic", metadata=GenericMetadata(**metadata), content=content, content_type=content_type
    )
    return data.model_dump()


async def main() -> None:
    async with records.connect(URL, hierarchy=HIERARCHY) as manager:
        project = await manager.save(ArtifactIn(data=generic({"goal": "one place to look"}, owner="docs", year=2026)))
        document = await manager.save(
            ArtifactIn(parent_id=project.id, data=generic({"title": "How we ship"}, reviewers=["ana", "ben"]))
        )
        for number, text in enumerate(["Ship on Fridays.", "Never ship on Fridays."], 1):
            version = generic(text, content_type="text/plain", version=f"1.{number}", draft=number == 2)
            await manager.save(ArtifactIn(parent_id=document.id, data=version))

        everything = await manager.find_all()
        for level, label in HIERARCHY.level_labels.items():
            print(f"{label}: {sum(record.level == level for record in everything)}")

        tree = await manager.build_tree(project.id)
        assert tree is not None
        [page] = tree.children
        print(page.data["content"]["title"], page.data["metadata"]["reviewers"])
        for version in page.children:
            print(f"  {version.data['metadata']['version']}: {version.data['content']}")


if __name__ == "__main__":
    asyncio.run(main())
