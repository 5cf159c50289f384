"""Every claim has a test, and every test of this directory belongs to a claim."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.records.claims.claims import STORAGE, TYPED

HERE = Path(__file__).parent


def claimed_tests() -> set[tuple[str, str]]:
    return {(module, name.partition("[")[0]) for module, name in (*STORAGE.values(), *TYPED.values())}


def written_tests() -> Iterator[tuple[str, str]]:
    for path in HERE.glob("test_*.py"):
        if path != Path(__file__):
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                    yield path.stem, node.name


def test_every_claim_has_a_test_and_every_test_a_claim():
    assert claimed_tests() == set(written_tests())


def test_no_two_claims_share_a_test():
    both = [*STORAGE.values(), *TYPED.values()]
    assert len(set(both)) == len(both)
