"""Many people at the same aliases at the same moment: each conditional move is won once, and the record misses nothing.

PostgreSQL meets 50 of them; SQLite lets one write at a time, and meets 10.
"""

import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from uuid import UUID

import pytest
from django.db import transaction
from django.test import Client

from accounts.actor import Actor, Channel
from accounts.models import User
from artifacts import artifacts, versions
from artifacts.aliases import aliases, lock
from artifacts.errors import (
    AliasMoved,
    AliasNotFound,
    AliasTargetRefused,
)
from artifacts.models import AliasChange, Artifact, ArtifactAlias, ArtifactVersion
from projects import projects
from tests import servers
from tests.artifacts.aliases.outcomes import chain, kinds
from tests.artifacts.client import at_once, fill, log

pytestmark = pytest.mark.django_db(transaction=True)

MOVERS = 50 if servers.on_postgres() else 10
MOVES = 2000
ALIASES = ("production", "staging", "stable")


def mover(user: User, artifact: Artifact, targets: list[ArtifactVersion], count: int, seed: int) -> list[tuple]:
    """Move aliases at random, every other time only from where the mover has just seen it.

    Tells of each move that changed something: the alias, what was expected, where from, where to.
    """
    dice, outcomes = random.Random(seed), []
    for number in range(count):
        alias, to = dice.choice(ALIASES), dice.choice(targets)
        conditional = number % 2 == 0
        expected: UUID | aliases.NoExpectation | None = aliases.NO_EXPECTATION
        if conditional:
            expected = artifact.alias_set.filter(alias=alias).values_list("version", flat=True).first()
        actor = Actor(user, Channel.API, reason=f"{seed}/{number}")
        try:
            moved = aliases.move(actor, artifact, alias, to, expected)
        except AliasMoved as refusal:
            assert conditional
            assert refusal.extra["version_id"] != str(expected)
            outcomes.append(("lost", actor.reason))
            continue
        before = moved.before.pk if moved.before else None
        assert not conditional or before == expected
        outcomes.append(("moved" if before != to.pk else "stayed", actor.reason, alias, before, to.pk, conditional))
    return outcomes


def test_many_movers_lose_nothing(bob, artifact, v1, v2, v3):
    """2,000 moves of three aliases, half of them conditional."""
    targets = [v1, v2, v3]
    mine = [lambda seed=seed: mover(bob, artifact, targets, MOVES // MOVERS, seed) for seed in range(MOVERS)]
    answers = at_once(*mine)
    kinds(answers)
    outcomes = [one for answer in answers for one in answer]
    counts = Counter(one[0] for one in outcomes)
    assert sum(counts.values()) == MOVES
    assert counts["moved"] and counts["stayed"]

    # Each move that said it changed something has one row, which tells the same; and there are no other rows.
    moved = {one[1]: one[2:] for one in outcomes if one[0] == "moved"}
    written = {}
    for alias in ALIASES:
        changes = chain(artifact, alias)
        assert len(changes) > MOVES // 12
        for change in changes:
            written[change.reason] = (alias, change.from_version_id, change.to_version_id)
    assert written == {reason: outcomes[:3] for reason, outcomes in moved.items()}
    assert AliasChange.objects.filter(alias__in=ALIASES).count() == counts["moved"]
    assert ArtifactAlias.objects.filter(artifact=artifact).count() == len(ALIASES) + 1


def test_of_those_who_expect_the_same_one_wins(bob, artifact, v1, v2, v3):
    """All see one place and want to leave it, again and again."""
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    positions, rounds = [v1, v2, v3], 8
    for number in range(rounds):
        here, there = positions[number % 3], positions[(number + 1) % 3]
        step = partial(aliases.move, Actor(bob, Channel.SDK), artifact, "production", there, here.pk)
        answers = at_once(*[step] * MOVERS)
        assert kinds(answers) == {"done": 1, "AliasMoved": MOVERS - 1}
        outcomes = {answer.extra["version_id"] for answer in answers if isinstance(answer, AliasMoved)}
        assert outcomes == {str(there.pk)}
    assert len(chain(artifact, "production")) == rounds + 1


def test_of_those_who_would_make_it_one_does(bob, artifact, v1, v2):
    race = [lambda: aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1, None) for _ in range(MOVERS)]
    answers = at_once(*race)
    assert kinds(answers) == {"done": 1, "AliasMoved": MOVERS - 1}
    assert len(chain(artifact, "production")) == 1

    race = [lambda: aliases.remove(Actor(bob, Channel.SDK), artifact, "production", v1.pk) for _ in range(MOVERS)]
    assert kinds(at_once(*race)) == {"done": 1, "AliasMoved": MOVERS - 1}
    assert len(chain(artifact, "production")) == 2


def test_many_movers_through_the_api(api, bob, artifact, v1, v2, v3):
    """The same over HTTP: what a client was told when it read is what the server holds it to."""
    url = f"/api/v1/artifacts/{artifact.pk}/aliases"
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    clients = [api(bob) for _ in range(10)]

    def act(client: Client, seed: int) -> list[tuple[int, str, str]]:
        dice, answers = random.Random(seed), []
        for _ in range(10):
            seen = client.get(f"{url}/production")
            to = dice.choice([one for one in (v1, v2, v3) if str(one.pk) != seen.json()["version_id"]])
            body = {"alias": "production", "version_id": str(to.pk)}
            answer = client.post(url, body, headers={"If-Match": seen.headers["ETag"]})
            assert answer.status_code in (200, 409)
            if answer.status_code == 409:
                assert answer.json()["code"] == "AliasMoved"
                assert answer.json()["version_id"] != seen.json()["version_id"]
            answers.append((answer.status_code, seen.json()["version_id"], str(to.pk)))
        return answers

    race = at_once(*[lambda client=client, seed=seed: act(client, seed) for seed, client in enumerate(clients)])
    kinds(race)
    won = Counter(one[1:] for answers in race for one in answers if one[0] == 200)
    written = Counter(
        (str(change.from_version_id), str(change.to_version_id)) for change in chain(artifact, "production")[1:]
    )
    assert won == written


def test_several_at_once_are_seen_together_or_not_at_all(bob, artifact, v1, v2, v3):
    """Who reads all aliases in one statement never sees one moved and the other not."""
    aliases.update_many(Actor(bob, Channel.SDK), artifact, dict.fromkeys(ALIASES, v1))
    targets = [v1, v2, v3]

    def write(seed: int) -> None:
        for number in range(12):
            aliases.update_many(Actor(bob, Channel.SDK), artifact, dict.fromkeys(ALIASES, targets[(seed + number) % 3]))

    def read() -> set[int]:
        rows = artifact.alias_set.filter(alias__in=ALIASES)
        return {len(set(rows.values_list("version", flat=True))) for _ in range(60)}

    answers = at_once(*[lambda seed=seed: write(seed) for seed in range(6)], read, read)
    kinds(answers)
    assert answers[-2:] == [{1}, {1}]
    lengths = {len(chain(artifact, alias)) for alias in ALIASES}
    assert len(lengths) == 1


def test_all_or_none_also_when_somebody_is_faster(bob, artifact, v1, v2, v3):
    aliases.update_many(Actor(bob, Channel.SDK), artifact, dict.fromkeys(ALIASES, v1))
    expected = dict.fromkeys(ALIASES, v1.pk)

    def together(to: ArtifactVersion) -> Callable:
        return lambda: aliases.update_many(Actor(bob, Channel.SDK), artifact, dict.fromkeys(ALIASES, to), expected)

    answers = at_once(
        together(v2),
        together(v3),
        lambda: aliases.move(Actor(bob, Channel.SDK), artifact, "stable", v2, v1.pk),
        together(v2),
    )
    assert kinds(answers) == {"done": 1, "AliasMoved": 3}
    where = {alias: aliases.get(artifact, alias).version for alias in ALIASES}
    won = next(number for number, answer in enumerate(answers) if not isinstance(answer, Exception))
    assert where == [
        dict.fromkeys(ALIASES, v2), dict.fromkeys(ALIASES, v3), dict.fromkeys(ALIASES, v1) | {"stable": v2},
        dict.fromkeys(ALIASES, v2),
    ][won]  # fmt: skip


@pytest.mark.parametrize("with_aliases", [False, True])
def test_a_move_and_the_deletion_of_its_target(bob, artifact, v1, v2, v3, with_aliases):
    for number, doomed in enumerate((v1, v2)):
        alias = ALIASES[number]
        mover = partial(aliases.move, Actor(bob, Channel.SDK), artifact, alias, doomed)
        delete = partial(versions.delete, Actor(bob, Channel.SDK), doomed, delete_aliases=with_aliases)
        answers = at_once(mover, mover, mover, delete)
        kinds(answers)
        doomed.refresh_from_db()
        assert doomed.is_finalized == ArtifactAlias.objects.filter(version=doomed).exists()
        assert doomed.is_finalized == isinstance(answers[-1], Exception)
        assert not with_aliases or not doomed.is_finalized
        assert {type(answer) for answer in answers[:3] if isinstance(answer, Exception)} <= {AliasTargetRefused}
        chain(artifact, alias)
        chain(artifact, "latest")


def test_a_move_and_the_deletion_of_its_artifact_or_project(alice, bob, project, artifact, v1, v2):
    answers = at_once(
        *[lambda to=to: aliases.move(Actor(bob, Channel.SDK), artifact, "production", to) for to in (v1, v2, v1)],
        lambda: artifacts.delete(Actor(bob, Channel.SDK), artifact),
    )
    assert set(kinds(answers)) <= {"done", "Missing"}
    assert not isinstance(answers[-1], Exception)
    assert not ArtifactAlias.objects.exists()

    again = artifacts.create(Actor(alice), project, "again", "dataset")
    targets = [log(bob, again, {"a": b"a"}), log(bob, again, {"b": b"b"})]
    answers = at_once(
        *[lambda to=to: aliases.move(Actor(bob, Channel.SDK), again, "production", to) for to in targets * 3],
        lambda: projects.delete(Actor(alice), project),
    )
    assert set(kinds(answers)) <= {"done", "Missing"}
    assert not isinstance(answers[-1], Exception)
    assert not ArtifactAlias.objects.exists()


def test_swaps_and_moves(bob, artifact, v1, v2, v3):
    aliases.update_many(Actor(bob, Channel.SDK), artifact, {"production": v1, "staging": v2})
    answers = at_once(
        *[lambda: aliases.swap(Actor(bob, Channel.SDK), artifact, "production", "staging") for _ in range(5)],
        *[lambda: aliases.swap(Actor(bob, Channel.SDK), artifact, "staging", "production") for _ in range(5)],
    )
    assert kinds(answers) == {"done": 10}
    assert [len(chain(artifact, alias)) for alias in ALIASES[:2]] == [11, 11]
    assert {aliases.get(artifact, alias).version for alias in ALIASES[:2]} == {v1, v2}

    answers = at_once(
        lambda: aliases.swap(Actor(bob, Channel.SDK), artifact, "production", "staging"),
        lambda: aliases.move(Actor(bob, Channel.SDK), artifact, "production", v3),
        lambda: aliases.remove(Actor(bob, Channel.SDK), artifact, "staging"),
    )
    assert set(kinds(answers)) <= {"done", "AliasNotFound"}
    assert not answers or all(
        not isinstance(answer, Exception) or isinstance(answer, AliasNotFound) for answer in answers
    )
    for alias in ALIASES[:2]:
        chain(artifact, alias)


def test_rollbacks(bob, artifact, v1, v2):
    """Each undoes the one before, but of those who name where they are, one does."""
    for to in (v1, v2):
        aliases.move(Actor(bob, Channel.SDK), artifact, "production", to)
    answers = at_once(*[lambda: aliases.rollback(Actor(bob, Channel.SDK), artifact, "production") for _ in range(9)])
    assert kinds(answers) == {"done": 9}
    steps = chain(artifact, "production")
    assert (len(steps), steps[-1].after) == (11, "v1")

    answers = at_once(
        *[lambda: aliases.rollback(Actor(bob, Channel.SDK), artifact, "production", v1.pk) for _ in range(9)]
    )
    assert kinds(answers) == {"done": 1, "AliasMoved": 8}
    assert chain(artifact, "production")[-1].after == "v2"


def test_a_new_version_and_a_conditional_move(bob, alice, artifact, v1, v2):
    """Both want the alias away from v1; who names what they expect moves it only from there."""
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    draft = fill(bob, artifact, {"three": b"3"})
    answers = at_once(
        lambda: versions.finalize(Actor(bob, Channel.SDK), draft, aliases=["production"]),
        lambda: aliases.move(Actor(alice, Channel.SDK), artifact, "production", v2, v1.pk),
        lambda: aliases.move(Actor(alice, Channel.SDK), artifact, "latest", v1, v2.pk),
    )
    kinds(answers)
    assert not isinstance(answers[0], Exception)
    moved = [] if isinstance(answers[1], AliasMoved) else ["v2"]
    assert [change.after for change in chain(artifact, "production")] == ["v1", *moved, "v3"]
    assert chain(artifact, "latest")[-1].after == "v3"


def test_a_move_waits_for_who_has_the_artifact(bob, artifact, v1, v2):
    """What somebody does under the lock is done before the next one looks, also if it takes its time."""
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    with transaction.atomic():
        held = lock.acquire(artifact)
        aliases.put_alias(Actor(bob, Channel.SDK), held, "production", ArtifactVersion.objects.get(pk=v2.pk))
        seen = at_once(lambda: aliases.get(artifact, "production").version)
    assert seen == [v1]
    assert kinds(at_once(lambda: aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1, v1.pk))) == {
        "AliasMoved": 1
    }
