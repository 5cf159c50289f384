"""Procfiles: a shell command for each process. A stack is made from one or more of them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]


def read_procfile(paths: Iterable[str] = ("Procfile",)) -> dict[str, str]:
    """The lines by name. A line of a later file stands in for one of the same name before it."""
    text = "\n".join((ROOT / path).read_text() for path in paths)
    return dict(re.findall(r"^([\w-]+): *(.+)$", text, re.MULTILINE))


@dataclass(frozen=True)
class Formation:
    """Which processes a stack has: one a line, but for those that `counts` has more of, as `web-1`, `web-2`."""

    procfiles: tuple[str, ...] = ("Procfile",)
    counts: Mapping[str, int] = field(default_factory=dict)
    # Started before all others and stopped after them: they still have something to say to it.
    data: tuple[str, ...] = ("store",)

    @property
    def names(self) -> list[str]:
        names = []
        for line in read_procfile(self.procfiles):
            count = self.counts.get(line)
            names += [f"{line}-{number}" for number in range(1, count + 1)] if count else [line]
        return names


def find_line(name: str, paths: Iterable[str]) -> str:
    """The line of the process `web`, or of `web-2`."""
    lines = read_procfile(paths)
    return lines.get(name) or lines[re.sub(r"-\d+$", "", name)]
