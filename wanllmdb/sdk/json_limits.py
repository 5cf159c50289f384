"""What of config, summary and metadata the server takes: texts that every database keeps, 64 levels, 1 MiB as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from wanllmdb.sdk import errors

# As in `core.validators` of the server.
MAX_BYTES = 1 << 20
MAX_DEPTH = 64

_BAD_TEXT = "a text with a NUL character or half of a surrogate pair"
_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"
_TOO_LARGE = "larger than 1 MiB as JSON"
_TOO_LARGE_TOGETHER = "all values together are larger than 1 MiB as JSON"
_MAX_NAMES = 10
# Larger values make room first, the largest of all; among smaller ones those that were set last stay.
_SMALL = 64

_Path = tuple[str, ...]


def fit(values: Mapping[str, Any], set_last: Iterable[str] = ()) -> tuple[dict[str, Any], dict[str, str]]:
    """What of the values the server takes, and why not for the names of those that it does not.

    The values are as `to_jsonable` returns them. One inside of dicts is named `model.weights`. If they are too many,
    the largest are left out, and then those that were set first, in the order of `set_last` or else of the dict.
    """
    fitting = _Fitting()
    kept = fitting.select(values, (), 1)
    remaining = _size(kept)
    refused = fitting.refused
    if remaining > MAX_BYTES:
        ranks = {name: rank for rank, name in enumerate((*values, *set_last))}
        leaves = [(_size({path[-1]: value}) - len("{}") + len(","), path) for path, value in fitting.leaves]
        leaves.sort(key=lambda leaf: (-leaf[0], 0) if leaf[0] > _SMALL else (0, ranks[leaf[1][0]]))
        for size, path in leaves:
            _remove(kept, path)
            refused[path] = _TOO_LARGE if size > MAX_BYTES else _TOO_LARGE_TOGETHER
            remaining -= size
            if remaining <= MAX_BYTES:
                break
    return kept, {".".join(path): reason for path, reason in refused.items()}


class FitOnce:
    """`fit` for values that are sent again and again: warns of each value that is left out only once."""

    def __init__(self, warn: Callable[[str], object]) -> None:
        self._warn = warn
        self._known: dict[str, set[str]] = {}

    def fit(self, what: str, values: Mapping[str, Any], set_last: Iterable[str] = ()) -> dict[str, Any]:
        """What of the values the server takes; `what` is their name in warnings."""
        kept, refused = fit(values, set_last)
        known = self._known.setdefault(what, set())
        new = {name: reason for name, reason in refused.items() if name not in known}
        # Many small values that grow in number would give a warning at each sending.
        if any(reason != _TOO_LARGE_TOGETHER for reason in new.values()) or len(new) > len(known):
            known.update(new)
            self._warn(f"not everything of {what} is sent to the server: {describe(new)}")
        return kept


def require_fit(values: Mapping[str, Any], what: str) -> None:
    """Raises `Invalid`, which names what of the values the server would not take."""
    refused = fit(values)[1]
    if refused:
        raise errors.Invalid(f"{what}: {describe(refused)}")


def describe(refused: Mapping[str, str]) -> str:
    """Which values are left out and why, the first ones by name: `'image', 'mask': larger than 1 MiB as JSON`."""
    names: dict[str, list[str]] = {}
    for name, reason in refused.items():
        names.setdefault(reason, []).append(repr(name))
    return "; ".join(
        f"{', '.join(group[:_MAX_NAMES])}"
        + (f" and {len(group) - _MAX_NAMES:,} more" if len(group) > _MAX_NAMES else "")
        + f": {reason}"
        for reason, group in names.items()
    )


class _Fitting:
    """Collects what is refused, and what is not in dicts any more."""

    def __init__(self) -> None:
        self.refused: dict[_Path, str] = {}
        self.leaves: list[tuple[_Path, Any]] = []

    def select(self, values: Mapping[str, Any], path: _Path, depth: int) -> dict[str, Any]:
        """The items whose texts and depth are fine; `depth` is the level of their dict."""
        kept: dict[str, Any] = {}
        for key, value in values.items():
            inner = (*path, key)
            if isinstance(value, dict) and value and depth < MAX_DEPTH and _is_text_fine(key):
                before = len(self.refused)
                content = self.select(value, inner, depth + 1)
                if content:
                    kept[key] = content
                else:
                    self._refuse_as_one(inner, before)
                continue
            reason = _reason_against(key, value, depth)
            if reason:
                self.refused[inner] = reason
            else:
                kept[key] = value
                self.leaves.append((inner, value))
        return kept

    def _refuse_as_one(self, path: _Path, before: int) -> None:
        """Name the dict instead of everything in it, where nothing of it is left."""
        names = list(self.refused)[before:]
        reason = self.refused[names[0]]
        for name in names:
            del self.refused[name]
        self.refused[path] = reason


def _reason_against(key: str, value: Any, depth: int) -> str | None:
    for text, level in _texts_and_levels(value, depth):
        if level > MAX_DEPTH:
            return _TOO_DEEP
        if not _is_text_fine(text):
            return _BAD_TEXT
    return None if _is_text_fine(key) else _BAD_TEXT


def _texts_and_levels(value: Any, depth: int) -> Iterator[tuple[str, int]]:
    """Every text in the value with the level of the container that holds it, and each container itself."""
    pending = [(value, depth)]
    while pending:
        item, level = pending.pop()
        if isinstance(item, str):
            yield item, level
        elif isinstance(item, (dict, list)):
            yield "", level + 1
            if isinstance(item, dict):
                pending.extend((key, level + 1) for key in item)
                item = item.values()
            pending.extend((inner, level + 1) for inner in item if isinstance(inner, (str, dict, list)))


def _is_text_fine(text: str) -> bool:
    if text.isascii():
        return "\0" not in text
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _remove(values: dict[str, Any], path: _Path) -> None:
    """Remove the item, and the dicts around it that are empty then."""
    parents = [values]
    for name in path[:-1]:
        parents.append(parents[-1][name])
    for parent, name in zip(reversed(parents), reversed(path), strict=True):
        del parent[name]
        if parent:
            return


def _size(value: Any) -> int:
    """In bytes, as the server counts."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
