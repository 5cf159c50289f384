"""What became of each run and version that was to be copied, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

OUTCOMES = ("copied", "present", "planned", "skipped", "incomplete", "failed")


@dataclass
class Item:
    """One run, artifact or version of the source.

    `outcome` is `copied`, `present` where an earlier import copied it, `planned` in a dry run, `skipped` where it was
    left out on purpose, `incomplete` where the server refused a part of it, or `failed`: `notes` say why.
    """

    kind: str
    name: str
    outcome: str = "failed"
    notes: list[str] = field(default_factory=list)

    def end(self, outcome: str, note: str = "") -> None:
        self.outcome = outcome
        self.notes += [note] if note else []


@dataclass
class Report:
    """All items, in the order in which they were reached."""

    source: str
    target: str
    on_end: Callable[[Item], object] = lambda item: None
    items: list[Item] = field(default_factory=list)

    def add(self, item: Item) -> None:
        self.items.append(item)
        self.on_end(item)

    @property
    def is_complete(self) -> bool:
        """Whether nothing failed or lacks a part."""
        return not any(item.outcome in ("failed", "incomplete") for item in self.items)

    def counts(self) -> dict[str, dict[str, int]]:
        """By kind, how many had which outcome."""
        found: dict[str, Counter[str]] = {}
        for item in self.items:
            found.setdefault(item.kind, Counter())[item.outcome] += 1
        return {kind: {name: counter[name] for name in OUTCOMES if counter[name]} for kind, counter in found.items()}

    def as_dict(self) -> dict[str, Any]:
        items = [asdict(item) for item in self.items]
        return {"source": self.source, "target": self.target, "counts": self.counts(), "items": items}
