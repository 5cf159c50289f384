"""Changes of tags, sent as what was added and what was removed: of two writers neither undoes what the other does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wanllmdb.sdk.validators import validate_tags


def tag_changes(before: Sequence[str], after: str | Iterable[str] | None) -> dict[str, list[str]]:
    """The fields of the request that turns tags into others; empty where they are the same. Raises `InvalidName`."""
    wanted = validate_tags(after)
    added = [tag for tag in wanted if tag not in before]
    removed = [tag for tag in before if tag not in wanted]
    return {name: tags for name, tags in (("add_tags", added), ("remove_tags", removed)) if tags}
