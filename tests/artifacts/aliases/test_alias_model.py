"""Whatever people do with aliases in whatever order: the registry ends up where a few dictionaries say it should.

The model of `alias_model` knows no database. After each step the registry must have refused what the model refuses, for
the same reason, and hold the same aliases, the same history, the same proposals and the same `latest`.
"""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from itertools import pairwise
from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts.actor import Actor, Channel
from accounts.models import User
from artifacts import artifacts, versions
from artifacts.aliases import aliases, proposals, protection
from artifacts.errors import RegistryError
from artifacts.models import AliasChange, AliasProposal, AliasRule, Artifact, ArtifactVersion
from tests.artifacts.aliases.alias_model import ANYWHERE, ROLES, Model, Proposed, Protected, Refused

users = st.sampled_from(["alice", "bob", "alice", "bob", "alice", "bob", "vera"])
names = st.sampled_from(["latest", "production", "prod-eu", "staging"])
which = st.integers(0, 9)
somewhere = st.one_of(st.none(), which)
# Of one who looked before, of one who thinks it is not there, of one who thinks it is somewhere.
expectations = st.sampled_from(["anywhere", "anywhere", "where it is", "nowhere", "elsewhere"])
pairs = st.sampled_from([("production", "staging"), ("latest", "prod-eu"), ("staging", "latest"), ("latest", "latest")])
decisions = st.sampled_from(["approved", "approved", "rejected", "withdrawn"])
patterns = st.sampled_from(["production", "prod*", "latest", "*"])


class Registry(RuleBasedStateMachine):
    """The same act on the model and in the registry."""

    def __init__(self, people: dict[str, User], artifact: Artifact) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.people, self.model = people, Model()
        self.artifact = Artifact.objects.select_related("project__team").get(pk=artifact.pk)

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    def both(self, name: str, *how: Any, by: Callable[[], Any]) -> Any:
        """Do it on a copy of the model, which stands if it is not refused, and in the registry: alike, or fail."""
        trial = deepcopy(self.model)
        try:
            getattr(trial, name)(*how)
        except Refused as refusal:
            expected_code = str(refusal)
        else:
            expected_code, self.model = "", trial
        try:
            answer = by()
        except RegistryError as refusal:
            assert expected_code == refusal.code, (
                f"{name}{how}: {expected_code or 'done'} was expected, not {refusal!r}"
            )
            return None
        assert not expected_code, f"{name}{how} was done, and {expected_code} expected"
        return answer

    def version(self, index: int) -> ArtifactVersion:
        numbers = sorted(self.model.states)
        return self.artifact.versions.get(number=numbers[index % len(numbers)])

    def pick(self, rows: dict[Any, Any], index: int) -> Any:
        return list(rows)[index % len(rows)] if rows else None

    def expected(self, alias: str, how: str) -> tuple[Any, Any]:
        """What the model is told, and what the registry."""
        now = self.model.where.get(alias)
        number = {"anywhere": ANYWHERE, "where it is": now, "nowhere": None, "elsewhere": (now or 0) % 2 + 1}[how]
        if number == ANYWHERE:
            return ANYWHERE, aliases.NO_EXPECTATION
        return number, number and self.artifact.versions.get(number=number).pk

    @initialize()
    def some_versions(self) -> None:
        for given in (["production"], ["staging", "prod-eu"], []):
            self.new_version("bob", given)

    @rule(user=users, names=st.lists(names, max_size=3, unique=True))
    def new_version(self, user: str, names: list[str]) -> None:
        self.leave_a_draft(user)
        self.finish("bob" if user == "vera" else user, -1, names)

    @rule(user=users)
    def leave_a_draft(self, user: str) -> None:
        number = max(self.model.states, default=0) + 1
        self.both("begin", user, number, by=lambda: versions.begin(Actor(self.people[user]), self.artifact))

    @rule(user=users, index=which, names=st.lists(names, max_size=2, unique=True))
    def finish(self, user: str, index: int, names: list[str]) -> None:
        version = self.version(index)
        act = partial(versions.finalize, Actor(self.people[user], Channel.SDK), version, aliases=names)
        self.both("finalize", user, version.number, names, by=act)

    @rule(user=users, moves=st.dictionaries(names, somewhere, min_size=1, max_size=3), how=expectations)
    def set_all(self, user: str, moves: dict[str, int | None], how: str) -> None:
        rows = {alias: None if index is None else self.version(index) for alias, index in moves.items()}
        expected = {alias: self.expected(alias, how) for alias in moves}
        actor, ids = Actor(self.people[user], Channel.SDK), {alias: pk for alias, (_, pk) in expected.items()}
        self.both(
            "set_all", user, {alias: row and row.number for alias, row in rows.items()},
            {alias: one for alias, (one, _) in expected.items()},
            by=lambda: aliases.update_many(actor, self.artifact, rows, ids),
        )  # fmt: skip

    @rule(user=users, alias=names, index=which, how=expectations)
    def move(self, user: str, alias: str, index: int, how: str) -> None:
        outcomes, required = self.expected(alias, how)
        to, before = self.version(index), self.model.where.get(alias)
        moved = self.both(
            "set_all", user, {alias: to.number}, {alias: outcomes},
            by=lambda: aliases.move(Actor(self.people[user], Channel.SDK), self.artifact, alias, to, required),
        )  # fmt: skip
        assert moved is None or (moved.before and moved.before.number, moved.alias.version) == (before, to)

    @rule(user=users, alias=names, how=expectations)
    def remove(self, user: str, alias: str, how: str) -> None:
        outcomes, required = self.expected(alias, how)
        act = partial(aliases.remove, Actor(self.people[user], Channel.SDK), self.artifact, alias, required)
        self.both("set_all", user, {alias: None}, {alias: outcomes}, by=act)

    @rule(user=users, pair=pairs)
    def swap(self, user: str, pair: tuple[str, str]) -> None:
        one, other = pair
        self.both(
            "swap",
            user,
            one,
            other,
            by=lambda: aliases.swap(Actor(self.people[user], Channel.SDK), self.artifact, one, other),
        )

    @rule(user=users, alias=names, how=expectations)
    def rollback(self, user: str, alias: str, how: str) -> None:
        outcomes, required = self.expected(alias, how)
        act = partial(aliases.rollback, Actor(self.people[user], Channel.SDK), self.artifact, alias, required)
        self.both("rollback", user, alias, outcomes, by=act)

    @rule(user=users, index=which, with_aliases=st.booleans())
    def delete(self, user: str, index: int, with_aliases: bool) -> None:
        version = self.version(index)
        act = partial(versions.delete, Actor(self.people[user], Channel.SDK), version, delete_aliases=with_aliases)
        self.both("delete", user, version.number, with_aliases, by=act)

    @rule(user=users)
    def toggle_latest(self, user: str) -> None:
        auto_latest = not self.model.auto_latest
        act = partial(artifacts.update, Actor(self.people[user]), self.artifact, auto_latest=auto_latest)
        self.both("toggle_latest", user, by=act)
        self.artifact.refresh_from_db(fields=["auto_latest"])

    @rule(
        user=users, pattern=patterns, role=st.sampled_from(list(ROLES)), pairs=st.booleans(),
        scope=st.sampled_from(["team", "project", "artifact"]),
    )  # fmt: skip
    def protect(self, user: str, scope: str, pattern: str, role: str, pairs: bool) -> None:
        project = self.artifact.project
        row = {"team": project.team, "project": project, "artifact": self.artifact}[scope]
        outcomes = Protected(scope, pattern, ROLES[role], pairs)
        act = partial(protection.create, Actor(self.people[user]), row, pattern, role=role, needs_approval=pairs)
        made = self.both("protect", user, outcomes, by=act)
        if made:
            self.model.rules[made.pk] = outcomes

    @rule(user=users, index=which, role=st.sampled_from(list(ROLES)), pairs=st.booleans(), pattern=patterns)
    def change_a_rule(self, user: str, index: int, role: str, pairs: bool, pattern: str) -> None:
        if key := self.pick(self.model.rules, index):
            find = AliasRule.objects.for_display().get
            change = partial(protection.update, Actor(self.people[user]), find(pk=key), role=role, needs_approval=pairs)
            self.both("change_rule", user, key, ROLES[role], pairs, by=change)
            rename = partial(protection.update, Actor(self.people[user]), find(pk=key), pattern=pattern)
            self.both("rename_rule", user, key, pattern, by=rename)

    @rule(user=users, index=which)
    def unprotect(self, user: str, index: int) -> None:
        if key := self.pick(self.model.rules, index):
            rows = AliasRule.objects.for_display().get(pk=key)
            self.both("unprotect", user, key, by=lambda: protection.delete(Actor(self.people[user]), rows))

    @rule(user=users, alias=names, index=somewhere)
    def propose(self, user: str, alias: str, index: int | None) -> None:
        to = None if index is None else self.version(index)
        act = partial(proposals.propose, Actor(self.people[user], Channel.SDK), self.artifact, alias, to)
        made = self.both("propose", user, alias, to and to.number, by=act)
        if made:
            self.model.proposals[made.pk] = Proposed(alias, self.model.where.get(alias), to and to.number, user)

    @rule(user=users, other=users, alias=names, index=somewhere, state=decisions)
    def propose_and_decide(self, user: str, other: str, alias: str, index: int | None, state: str) -> None:
        self.propose(user, alias, index)
        self.decide(other, -1, state)

    @rule(user=users, index=which, state=decisions)
    def decide(self, user: str, index: int, state: str) -> None:
        if key := self.pick(self.model.proposals, index):
            somebody, rows = self.people[user], AliasProposal.objects.for_display().get(pk=key)
            acts = {
                "approved": lambda: proposals.approve(Actor(somebody, Channel.SDK), rows),
                "rejected": lambda: proposals.reject(Actor(somebody), rows),
                "withdrawn": lambda: proposals.withdraw(Actor(somebody), rows),
            }
            self.both("decide", user, key, state, by=acts[state])

    @invariant()
    def aliases_are_where_they_should_be(self) -> None:
        rows = self.artifact.alias_set.values_list("alias", "version__number")
        assert dict(rows) == self.model.where

    @invariant()
    def latest_is_the_newest(self) -> None:
        self.artifact.refresh_from_db(fields=["latest_version_number", "version_count"])
        states = list(self.model.states.values())
        assert self.artifact.latest_version_number == self.model.newest
        assert self.artifact.version_count == states.count("finalized")

    @invariant()
    def history_is_what_was_done(self) -> None:
        outcomes: dict[str, list[tuple]] = {}
        rows = list(AliasChange.objects.filter(artifact=self.artifact).order_by("alias", "number"))
        for row in rows:
            step = (row.from_number, row.to_number, row.changed_by_name, row.proposal_id)
            outcomes.setdefault(row.alias, []).append(step)
            assert row.number == len(outcomes[row.alias])
        assert outcomes == self.model.history
        for before, after in pairwise(rows):
            assert before.alias != after.alias or before.created_at <= after.created_at

    @invariant()
    def proposals_are_where_they_should_be(self) -> None:
        rows = AliasProposal.objects.filter(artifact=self.artifact)
        assert dict(rows.values_list("pk", "state")) == {key: one.state for key, one in self.model.proposals.items()}


def test_the_registry_does_what_the_model_says(alice, bob, vera, artifact):
    people = {"alice": alice, "bob": bob, "vera": vera}
    run_state_machine_as_test(
        lambda: Registry(people, artifact),
        settings=settings(
            max_examples=30, stateful_step_count=30, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
