"""Whatever people and workers do in whatever order: what the registry promises holds after each step."""

from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.actor import Actor, Channel
from accounts.models import User
from artifacts import artifacts, drafts, links, storage, tasks, versions
from artifacts.aliases import aliases
from artifacts.content import garbage_collection
from artifacts.errors import RegistryError
from artifacts.models import AliasChange, Artifact, ArtifactVersion
from tests.artifacts.client import digest_of, fill, log

# Few, so that the same contents come again and again.
CONTENTS = [{"a": b"1"}, {"a": b"2"}, {"a": b"1", "b": b"2"}, {"c": b"2", "d": b"3", "empty": b""}]
NAMES = ["latest", "production", "v2"]

which = st.integers(0, 3)
steps = st.one_of(
    st.tuples(st.just("log"), which, st.sampled_from(CONTENTS), st.booleans(), st.sets(st.sampled_from(NAMES))),
    st.tuples(st.just("leave a draft"), which, st.sampled_from(CONTENTS), st.booleans()),
    st.tuples(st.just("finish a draft"), which),
    st.tuples(st.just("move"), st.sampled_from(NAMES), which),
    st.tuples(st.just("remove"), st.sampled_from(NAMES)),
    st.tuples(st.just("delete"), which, st.booleans()),
    st.tuples(st.just("link"), which, st.sets(st.sampled_from(NAMES[:2]))),
    st.tuples(st.just("unlink"), which, st.booleans()),
    st.tuples(st.just("toggle latest")),
    st.tuples(st.just("work")),
    st.tuples(st.just("days go by")),
)


class Registry:
    """One artifact, a collection of links to its versions, the people who work on them, and what they do."""

    def __init__(
        self, people: list[User], artifact: Artifact, collection: Artifact, work: Callable, age: Callable
    ) -> None:
        self.people, self.artifact, self.work, self.age = people, artifact, work, age
        self.collection = collection
        self.drafts: list[tuple[User, ArtifactVersion]] = []

    def do(self, act: str, *how) -> None:
        getattr(self, act.replace(" ", "_"))(*how)

    def user(self, which: int) -> User:
        return self.people[which % len(self.people)]

    def version(self, which: int) -> ArtifactVersion | None:
        return self.artifact.versions.order_by("-number", "-id")[which : which + 1].first()

    def log(self, which: int, contents: dict[str, bytes], packed: bool, names: set[str]) -> None:
        version = log(self.user(which), self.artifact, contents, *sorted(names), packed=packed)
        assert version.digest == digest_of(contents)
        assert self.artifact.alias_set.filter(alias__in=names, version=version).count() == len(names)

    def leave_a_draft(self, which: int, contents: dict[str, bytes], packed: bool) -> None:
        user = self.user(which)
        numbering = drafts.Numbering.ON_FINALIZE if packed else drafts.Numbering.ON_CREATE
        self.drafts.append((user, fill(user, self.artifact, contents, packed=packed, numbering=numbering)))

    def finish_a_draft(self, which: int) -> None:
        if self.drafts:
            user, draft = self.drafts[which % len(self.drafts)]
            versions.finalize(Actor(user, Channel.SDK), draft)

    def move(self, alias: str, which: int) -> None:
        if version := self.version(which):
            aliases.move(Actor(self.people[0], Channel.SDK), self.artifact, alias, version)

    def remove(self, alias: str) -> None:
        aliases.remove(Actor(self.people[0], Channel.SDK), self.artifact, alias)

    def delete(self, which: int, delete_aliases: bool) -> None:
        if version := self.version(which):
            versions.delete(Actor(self.people[0], Channel.SDK), version, delete_aliases=delete_aliases)

    def link(self, which: int, names: set[str]) -> None:
        if version := self.version(which):
            links.link(Actor(self.user(which)), version, self.collection, aliases=sorted(names))

    def unlink(self, which: int, delete_aliases: bool) -> None:
        if link := self.collection.versions.order_by("-number")[which : which + 1].first():
            versions.delete(Actor(self.people[0]), link, delete_aliases=delete_aliases)

    def toggle_latest(self) -> None:
        self.artifact.refresh_from_db()
        artifacts.update(Actor(self.people[0]), self.artifact, auto_latest=not self.artifact.auto_latest)

    def days_go_by(self) -> None:
        self.age(days=3)
        tasks.run_gc()

    def holds(self) -> None:
        for artifact in (self.artifact, self.collection):
            artifact.refresh_from_db()
            final = list(artifact.versions.finalized().order_by("number"))
            assert artifact.version_count == len(final)
            assert artifact.latest_version_number == (final[-1].number if final else None)
            for row in artifact.alias_set.all():
                assert row.version in final
            for alias in NAMES:
                self.history_holds(artifact, alias)
            for version in final:
                assert version.is_link == artifact.is_collection
                self.contents_hold(version)

    def history_holds(self, artifact: Artifact, alias: str) -> None:
        changes = list(AliasChange.objects.filter(artifact=artifact, alias=alias).order_by("number"))
        assert [change.number for change in changes] == list(range(1, len(changes) + 1))
        assert all(before.to_version_id == after.from_version_id for before, after in pairwise(changes))
        assert all(change.from_version_id != change.to_version_id for change in changes)
        now = artifact.alias_set.filter(alias=alias).first()
        assert (changes[-1].to_version_id if changes else None) == (now.version_id if now else None)

    def contents_hold(self, version: ArtifactVersion) -> None:
        contents = {}
        for file in version.files.select_related("blob__object"):
            contents[file.path] = b"".join(storage.download_file(file.blob.object.key, file.blob.offset, file.size))
        assert digest_of(contents) == version.digest
        assert (version.file_count, version.total_size) == (len(contents), sum(map(len, contents.values())))
        assert version.integrity in ("pending", "verified")


def test_what_is_promised_holds(alice, bob, project, artifact, work, age):
    collection = artifacts.create(Actor(alice), project, "picks", artifact.type, kind="collection")

    @settings(max_examples=25, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(steps, min_size=1, max_size=10))
    def holds(acts: list[tuple]) -> None:
        with transaction.atomic():
            both = Artifact.objects.in_bulk([artifact.pk, collection.pk])
            registry = Registry([alice, bob], both[artifact.pk], both[collection.pk], work, age)
            for act in acts:
                with suppress(RegistryError):
                    registry.do(*act)
                registry.holds()
            work()
            registry.days_go_by()
            registry.holds()
            assert garbage_collection.delete_orphans() == 0
            transaction.set_rollback(True)

    holds()
