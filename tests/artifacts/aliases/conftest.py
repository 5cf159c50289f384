"""What the tests of aliases have beside an artifact with two versions: a second admin, a third version, a rule."""

import pytest

from accounts.actor import Actor, Channel
from accounts.models import Membership, Role, User
from artifacts.aliases import aliases
from artifacts.aliases import protection as rules
from artifacts.models import AliasRule, ArtifactVersion
from tests.artifacts.client import log
from tests.conftest import person


@pytest.fixture
def ada(acme) -> User:
    """The other admin."""
    ada = person("ada")
    Membership.objects.create(team=acme, user=ada, role=Role.ADMIN)
    return ada


@pytest.fixture
def v3(bob, artifact, v2) -> ArtifactVersion:
    return log(bob, artifact, {"three.txt": b"three"})


@pytest.fixture
def guarded(alice, bob, artifact, v1, v2) -> AliasRule:
    """`production` is at v1, and an admin is asked for to move what begins with `prod`."""
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    return rules.create(Actor(alice), artifact.project, "prod*")
