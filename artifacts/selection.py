"""One verb for each of several items that somebody selected: each in a transaction of its own, refused by itself."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from accounts.actor import Actor
from artifacts import artifacts, versions
from artifacts.models import Artifact, ArtifactVersion
from core import errors
from projects import runs
from projects.models import Run

# A page of a list.
MAX_ITEMS = 50


class Outcome(NamedTuple):
    """What happened to an item, by its name; `refusal` is empty where the verb was carried out."""

    name: str
    refusal: str


def delete_versions(actor: Actor, items: Iterable[ArtifactVersion], *, delete_aliases: bool) -> list[Outcome]:
    return _for_each(items, lambda item: versions.delete(actor, item, delete_aliases=delete_aliases))


def delete_artifacts(actor: Actor, items: Iterable[Artifact]) -> list[Outcome]:
    return _for_each(items, lambda item: artifacts.delete(actor, item))


def tag_artifacts(actor: Actor, items: Iterable[Artifact], add: Iterable[str], remove: Iterable[str]) -> list[Outcome]:
    return _for_each(items, lambda item: artifacts.update(actor, item, add_tags=add, remove_tags=remove))


def tag_runs(actor: Actor, items: Iterable[Run], add: Iterable[str], remove: Iterable[str]) -> list[Outcome]:
    return _for_each(items, lambda item: runs.update(actor, item, add_tags=add, remove_tags=remove))


def delete_runs(actor: Actor, items: Iterable[Run]) -> list[Outcome]:
    return _for_each(items, lambda item: runs.delete(actor, item))


def _for_each(items: Iterable[Any], act: Callable[[Any], Any]) -> list[Outcome]:
    outcomes = []
    for item in items:
        # Its name before the verb, which may change it.
        name, refusal = str(item), ""
        try:
            act(item)
        except errors.RegistryError as error:
            refusal = str(error)
        outcomes.append(Outcome(name, refusal))
    return outcomes
