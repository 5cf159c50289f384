"""What people do with aliases, in a few dictionaries: a registry that knows no database."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

RANKS = {"alice": 2, "bob": 1, "vera": 0}
ROLES = {"editor": 1, "admin": 2}
ANYWHERE = "anywhere"


class Refused(Exception):
    """By the code of the refusal."""


@dataclass
class Protected:
    """A rule: it says of which aliases, what rank may move them, and whether two people are needed."""

    scope: str
    pattern: str
    rank: int
    pairs: bool


@dataclass
class Proposed:
    alias: str
    before: int | None
    after: int | None
    by: str
    state: str = "open"


@dataclass
class Model:
    """What should be. Each method is an act: it is done as a whole, or raises `Refused` and has done nothing."""

    states: dict[int, str] = field(default_factory=dict)
    sealed: set[int] = field(default_factory=set)
    where: dict[str, int] = field(default_factory=dict)
    history: dict[str, list[tuple]] = field(default_factory=dict)
    rules: dict[Any, Protected] = field(default_factory=dict)
    proposals: dict[Any, Proposed] = field(default_factory=dict)
    auto_latest: bool = True

    @property
    def newest(self) -> int | None:
        return max((number for number, state in self.states.items() if state == "finalized"), default=None)

    def protection(self, alias: str) -> tuple[int, bool] | None:
        fitting = [rule for rule in self.rules.values() if fnmatchcase(alias, rule.pattern)]
        return (max(rule.rank for rule in fitting), any(rule.pairs for rule in fitting)) if fitting else None

    def set_all(self, user: str, targets: dict[str, int | None], expected: dict[str, Any]) -> None:
        self._edits(user)
        self._may_move(user, targets)
        for alias, to in targets.items():
            self._is_at(alias, expected.get(alias, ANYWHERE))
            if to is None:
                self._exists(alias)
            self._put(user, alias, to)

    def swap(self, user: str, one: str, other: str) -> None:
        if one == other:
            raise Refused("Invalid")
        self._edits(user)
        self._may_move(user, [one, other])
        first, second = self._exists(one), self._exists(other)
        self._put(user, one, second)
        self._put(user, other, first)

    def rollback(self, user: str, alias: str, expected: Any) -> None:
        self._edits(user)
        self._may_move(user, [alias])
        self._is_at(alias, expected)
        positions = [after for _, after, *_ in self.history.get(alias, [])]
        if not positions:
            raise Refused("AliasNotFound")
        earlier = [after for after in positions if after is not None and after != positions[-1]]
        if not earlier:
            raise Refused("NothingBefore")
        self._put(user, alias, earlier[-1])

    def begin(self, user: str, number: int) -> None:
        self._edits(user)
        self.states[number] = "draft"

    def finalize(self, user: str, number: int, names: Iterable[str]) -> None:
        self._edits(user)
        self._may_move(user, [name for name in names if name != "latest" or not self.auto_latest])
        if self.states[number] == "deleted":
            number = self._twin(number)
        follows = self.auto_latest and self.states[number] == "draft" and number > (self.newest or 0)
        self.states[number] = "finalized"
        self.sealed.add(number)
        if follows:
            self._put(user, "latest", number)
            names = [name for name in names if name != "latest"]
        self._may_move(user, names)
        for name in names:
            self._put(user, name, number)

    def delete(self, user: str, number: int, with_aliases: bool) -> None:
        self._edits(user)
        if self.states[number] == "deleted":
            raise Refused("VersionNotFound")
        there = [alias for alias, at in self.where.items() if at == number]
        stuck = [alias for alias in there if alias != "latest" or not self.auto_latest]
        if any(self.protection(alias) for alias in stuck):
            raise Refused("AliasProtected")
        if stuck and not with_aliases:
            raise Refused("VersionHasAliases")
        self.states[number] = "deleted"
        for alias in there:
            self._put(user, alias, None if alias in stuck else self.newest)

    def toggle_latest(self, user: str) -> None:
        self._edits(user)
        self._may_move(user, [] if self.auto_latest else ["latest"])
        self.auto_latest = not self.auto_latest

    def protect(self, user: str, rule: Protected) -> None:
        self._manages(user)
        self._is_the_only(rule)

    def change_rule(self, user: str, key: Any, rank: int, pairs: bool) -> None:
        self._manages(user)
        self.rules[key].rank, self.rules[key].pairs = rank, pairs

    def rename_rule(self, user: str, key: Any, pattern: str) -> None:
        self._manages(user)
        if pattern != self.rules[key].pattern:
            self._is_the_only(Protected(self.rules[key].scope, pattern, 0, False))
        self.rules[key].pattern = pattern

    def unprotect(self, user: str, key: Any) -> None:
        self._manages(user)
        del self.rules[key]

    def propose(self, user: str, alias: str, to: int | None) -> None:
        self._edits(user)
        if to is None:
            self._exists(alias)
        else:
            self._is_target(to)
        if to is not None and self.where.get(alias) == to:
            raise Refused("Conflict")
        if any(one.alias == alias and one.state == "open" for one in self.proposals.values()):
            raise Refused("ProposalOpen")

    def decide(self, user: str, key: Any, state: str) -> None:
        one = self.proposals[key]
        if one.state != "open":
            raise Refused("ProposalDecided")
        if state == "withdrawn":
            if one.by != user:
                raise Refused("Denied")
        else:
            required = self.protection(one.alias)
            if RANKS[user] < (required[0] if required else 1) or one.by == user:
                raise Refused("Denied")
        if state == "approved":
            self._is_at(one.alias, one.before)
            self._put(user, one.alias, one.after, key)
        one.state = state

    def _edits(self, user: str) -> None:
        if RANKS[user] < 1:
            raise Refused("Denied")

    def _manages(self, user: str) -> None:
        if RANKS[user] < 2:
            raise Refused("Denied")

    def _twin(self, number: int) -> int:
        """All versions here have the same contents, none: who wants one that is gone gets the newest."""
        if number not in self.sealed or self.newest is None:
            raise Refused("VersionNotFound")
        return self.newest

    def _may_move(self, user: str, names: Iterable[str]) -> None:
        for alias in names:
            required = self.protection(alias)
            if required and (RANKS[user] < required[0] or required[1]):
                raise Refused("AliasProtected")

    def _is_the_only(self, rule: Protected) -> None:
        if any((one.scope, one.pattern) == (rule.scope, rule.pattern) for one in self.rules.values()):
            raise Refused("RuleTaken")

    def _is_at(self, alias: str, expected: Any) -> None:
        if expected != ANYWHERE and self.where.get(alias) != expected:
            raise Refused("AliasMoved")

    def _is_target(self, number: int) -> None:
        if self.states[number] != "finalized":
            raise Refused("AliasTargetRefused")

    def _exists(self, alias: str) -> int:
        if alias not in self.where:
            raise Refused("AliasNotFound")
        return self.where[alias]

    def _put(self, user: str, alias: str, to: int | None, proposal: Any = None) -> None:
        if to is not None:
            self._is_target(to)
        before = self.where.get(alias)
        if before != to:
            self.history.setdefault(alias, []).append((before, to, user, proposal))
        if to is None:
            self.where.pop(alias, None)
        else:
            self.where[alias] = to
