"""How one gets at a hierarchy and its records: from Python, a shell and curl."""

from urllib.parse import quote

from hierarchies.models import Access, Hierarchy, Record
from web.artifacts.snippets import Snippet
from web.literals import python, shell

_AUTHORIZATION = '-H "Authorization: Bearer $WANLLMDB_API_KEY" \\\n  '


def of_hierarchy(hierarchy: Hierarchy, base_url: str) -> list[Snippet]:
    """How a record is saved."""
    url = hierarchy_url(hierarchy, base_url)
    save = (
        "import asyncio\n\n"
        "from wanllmdb.records import ArtifactIn, connect\n\n\n"
        "async def main():\n"
        f"    async with connect({python(url)}) as manager:\n"
        '        root = await manager.save(ArtifactIn(data={"name": "baseline"}))\n'
        '        await manager.save(ArtifactIn(parent_id=root.id, data={"rmse": 0.25}))\n\n\n'
        "asyncio.run(main())\n"
    )
    body = """'{"data": {"name": "baseline"}}'"""
    post = f"curl -fsS {_authorization(hierarchy)}-H 'Content-Type: application/json' -d {body} \\\n"
    return [
        Snippet("python", "Python", save),
        Snippet("cli", "CLI", f"wanllmdb records ls {shell(url)}\n"),
        Snippet("curl", "curl", f"{post}  {shell(f'{url}/api/v1/artifacts')}\n"),
    ]


def of_record(record: Record, base_url: str) -> list[Snippet]:
    """How the record is read."""
    url = hierarchy_url(record.hierarchy, base_url)
    read = (
        "import asyncio\n\n"
        "from wanllmdb.records import connect\n\n\n"
        "async def main():\n"
        f"    async with connect({python(url)}) as manager:\n"
        f"        record = await manager.find_by_id({python(record.pk)})\n"
        "        print(record.data)\n\n\n"
        "asyncio.run(main())\n"
    )
    get = f"curl -fsS {_authorization(record.hierarchy)}"
    return [
        Snippet("python", "Python", read),
        Snippet("cli", "CLI", f"wanllmdb records get {shell(url)} {record.pk}\n"),
        Snippet("curl", "curl", f"{get}{shell(f'{url}/api/v1/artifacts/{record.pk}')}\n"),
    ]


def hierarchy_url(hierarchy: Hierarchy, base_url: str) -> str:
    """The address by which programs know the hierarchy."""
    return f"{base_url}/h/{quote(hierarchy.full_name)}"


def _authorization(hierarchy: Hierarchy) -> str:
    return _AUTHORIZATION if hierarchy.access == Access.PROJECT else ""
