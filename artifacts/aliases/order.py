"""In which order the aliases of an artifact are listed: what was sought, protected names, other names, versions."""

from collections.abc import Iterable

from artifacts.models import AliasRule
from artifacts.models.alias_sort_key import is_version_like, sort_key

MAX_NAMES, _MAX_PATTERNS = 200, 50


class AliasOrder:
    """To sort the aliases of an artifact by: `sorted(names, key=AliasOrder(rules))`.

    First the one that was sought, then those that the rules protect, the well-known ones, others, and last what looks
    like a version, by its numbers, protected or not.
    """

    def __init__(self, rules: Iterable[AliasRule] = (), sought: str = "") -> None:
        rules = list(rules)
        self._sought = sought
        self._names = set(plain_names(rules))
        self._patterns = [rule for rule in rules if rule.covers_many][:_MAX_PATTERNS]

    def __call__(self, alias: str) -> tuple[bool, bool, bool, bytes]:
        return alias != self._sought, is_version_like(alias), not self.is_protected(alias), sort_key(alias)

    def comes_early(self, alias: str) -> bool:
        """Whether it comes before what `sort_key` puts first."""
        return alias == self._sought or (self.is_protected(alias) and not is_version_like(alias))

    def is_protected(self, alias: str) -> bool:
        return alias in self._names or any(rule.covers(alias) for rule in self._patterns)


def plain_names(rules: Iterable[AliasRule]) -> list[str]:
    """The aliases that rules spell out, which an index finds; at most `MAX_NAMES`."""
    return [rule.pattern for rule in rules if not rule.covers_many][:MAX_NAMES]
