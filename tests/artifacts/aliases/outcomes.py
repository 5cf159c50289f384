"""What came of acts on aliases at the same moment."""

from collections import Counter
from itertools import pairwise

from artifacts.errors import (
    RegistryError,
)
from artifacts.models import AliasChange, Artifact


def chain(artifact: Artifact, alias: str) -> list[AliasChange]:
    """The changes of the alias from the first on, after having looked that none is missing and none contradicts."""
    changes = list(AliasChange.objects.of(artifact, alias).reverse())
    assert [change.number for change in changes] == list(range(1, len(changes) + 1))
    assert all(before.to_version_id == after.from_version_id for before, after in pairwise(changes))
    assert all(before.created_at <= after.created_at for before, after in pairwise(changes))
    assert all(change.from_version_id != change.to_version_id for change in changes)
    assert not changes or changes[0].from_version_id is None
    now = artifact.alias_set.filter(alias=alias).values_list("version", flat=True).first()
    assert now == (changes[-1].to_version_id if changes else None)
    return changes


def kinds(answers: list) -> Counter:
    """How many were refused by what; what is no refusal of ours is a bug."""
    for answer in answers:
        if isinstance(answer, Exception) and not isinstance(answer, RegistryError):
            raise answer
    return Counter(type(answer).__name__ if isinstance(answer, Exception) else "done" for answer in answers)
