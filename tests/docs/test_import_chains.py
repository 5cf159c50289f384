"""A chain of imports is what somebody may have to read to know what a module stands on: it stays short."""

from functools import cache

import grimp

PACKAGES = (
    "accounts",
    "api",
    "artifacts",
    "core",
    "events",
    "notifications",
    "projects",
    "tracking",
    "wanllmdb",
    "web",
)
LONGEST = 17


def test_no_chain_of_imports_is_longer():
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True)

    @cache
    def chain_from(module: str) -> tuple[str, ...]:
        imported = graph.find_modules_directly_imported_by(module)
        return (module, *max(map(chain_from, imported), key=len, default=()))

    modules = [module for module in graph.modules if ".migrations" not in module]
    longest = max(map(chain_from, modules), key=len)
    assert len(longest) <= LONGEST, " → ".join(longest)
