"""In which order aliases are listed, and what lists show of the aliases of artifacts that have many."""

import random

import pytest

from accounts.actor import Actor
from accounts.models import Role
from artifacts import artifacts
from artifacts.aliases import aliases, excerpts, protection
from artifacts.aliases.order import AliasOrder
from artifacts.models import Artifact, ArtifactAlias
from core.bounded_count import COUNT_LIMIT

IN_ORDER = [
    *("production", "staging", "latest", "stable", "a2", "a10", "B", "prod-eu", "prod-us", "x_1", "y"),
    *("v0.1.0-rc.2", "v0.1.0-rc.10", "v0.1.0", "v0.2.0", "v0.10.0", "1.0b1", "1.0rc1", "1.0", "1.0.1-dev", "1.0.1"),
    *("v3", "v10", "2026-11-28"),
]  # fmt: skip


def test_names_come_first_and_versions_last_by_their_numbers(artifact, v1):
    shuffled = random.Random(7).sample(IN_ORDER, len(IN_ORDER))
    ArtifactAlias.objects.exclude(alias="latest").delete()
    ArtifactAlias.objects.bulk_create(
        ArtifactAlias(artifact=artifact, version=v1, alias=alias) for alias in shuffled if alias != "latest"
    )

    assert sorted(shuffled, key=AliasOrder()) == IN_ORDER
    assert [row.alias for row in artifact.alias_set.all()] == IN_ORDER
    assert list(v1.aliases.values_list("alias", flat=True)) == IN_ORDER


def test_what_was_sought_and_what_rules_protect_comes_before(alice, artifact, v1):
    protection.create(Actor(alice), artifact.project, "prod-*")
    protection.create(Actor(alice), artifact, "y", role=Role.EDITOR)
    protection.create(Actor(alice), artifact.project.team, "v*")
    order = AliasOrder(protection.rules_for(artifact), "v3")

    names = sorted(IN_ORDER, key=order)
    assert names[:6] == ["v3", "prod-eu", "prod-us", "y", "production", "staging"]
    assert names[-3:] == ["1.0.1-dev", "1.0.1", "2026-11-28"]


@pytest.fixture
def crowded(bob, artifact, v1, v2, other) -> Artifact:
    """`data` with `production` at v1, and far more aliases at v2; `other` has none."""
    aliases.put_alias(Actor(bob), artifact, "production", v1)
    ArtifactAlias.objects.bulk_create(
        ArtifactAlias(artifact=artifact, version=v2, alias=f"b-{number}") for number in range(300)
    )
    return artifact


def test_an_excerpt_holds_the_first_aliases_where_they_point(
    alice, crowded, other, v2, monkeypatch, django_assert_num_queries
):
    protection.create(Actor(alice), crowded, "b-250")
    rows = [Artifact.objects.with_tags().get(pk=pk) for pk in (crowded.pk, other.pk, crowded.pk)]
    with django_assert_num_queries(2):
        excerpts.attach(rows, sought="b-200")

    first, count = rows[0].alias_excerpt
    assert [tuple(pointer) for pointer in first[:5]] == [
        ("b-200", "v2"), ("b-250", "v2"), ("production", "v1"), ("latest", "v2"), ("b-0", "v2"),
    ]  # fmt: skip
    assert (len(first), count) == (excerpts.MAX_ALIASES + 2, 302)
    assert rows[1].alias_excerpt == ([], 0) and rows[2].alias_excerpt == rows[0].alias_excerpt
    monkeypatch.setattr(excerpts, "MAX_ALIASES", 1)
    excerpts.attach(rows)
    assert [pointer.alias for pointer in rows[0].alias_excerpt.first] == ["b-250", "production"]
    assert count < COUNT_LIMIT


@pytest.mark.parametrize("few", [True, False])
def test_pages_of_them_hold_each_once_in_that_order(alice, crowded, few, monkeypatch, django_assert_max_num_queries):
    protection.create(Actor(alice), crowded, "b-250")
    protection.create(Actor(alice), crowded, "lat*")
    monkeypatch.setattr(excerpts, "_MAX_SORTED", 1000 if few else 10)
    rules = protection.rules_for(crowded)
    excerpts.attach_to_one(crowded, rules)

    pages = []
    for start in range(0, 302, 50):
        with django_assert_max_num_queries(2):
            pages += excerpts.page(crowded, rules, start, min(start + 50, 302))
    names = [row.alias for row in pages]
    assert names[:5] == ["latest", "b-250", "production", "b-0", "b-1"]
    assert len(names) == len(set(names)) == 302 and names[-1] == "b-299"


def test_a_renamed_artifact_keeps_them_and_a_new_one_has_none(alice, crowded):
    artifacts.update(Actor(alice), crowded, name="renamed")
    row = Artifact.objects.with_tags().get(name="renamed")
    excerpts.attach([row])
    assert row.alias_excerpt.count == 302
    excerpts.attach([])
