"""What a migration does to rows is written in it: the code of today will change, and old databases must not notice."""

import ast
from pathlib import Path

import pytest

from harness.servers import ROOT

MIGRATIONS = [path for path in sorted(ROOT.glob("*/migrations/[0-9]*.py")) if path.parent.parent.name != "tests"]
OURS = {path.parent.parent.name for path in MIGRATIONS} | {"core", "api", "web", "wanllmdb"}


def ours(node: ast.AST) -> set[str]:
    """The names by which the node imports modules of ours, or something of them."""
    if isinstance(node, ast.ImportFrom):
        return {alias.asname or alias.name for alias in node.names if (node.module or "").split(".")[0] in OURS}
    if isinstance(node, ast.Import):
        return {alias.asname or alias.name.split(".")[0] for alias in node.names if alias.name.split(".")[0] in OURS}
    return set()


@pytest.mark.parametrize("path", MIGRATIONS, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_only_the_declarations_of_a_migration_use_code_of_ours(path: Path):
    """Fields, validators and choices, that is; its functions have code of their own."""
    tree = ast.parse(path.read_text())
    imported = {name for node in ast.walk(tree) for name in ours(node)}
    others = [node for node in tree.body if not isinstance(node, (ast.ClassDef, ast.Import, ast.ImportFrom))]
    used = {node.id for other in others for node in ast.walk(other) if isinstance(node, ast.Name)}
    assert not used & imported
