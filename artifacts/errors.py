"""Everything the registry refuses: the kinds of `accounts.errors`, and the leaves that artifacts add to them.

Invalid          InvalidName, InvalidPath
Missing          AliasNotFound, VersionNotFound
Conflict         NameTaken, PathTaken, TypeDiffers, VersionFinalized, VersionIncomplete, VersionHasAliases,
                 BytesMismatch, AliasTargetRefused
Unavailable      StoreUnavailable
"""

from accounts.errors import (
    Conflict,
    Denied,
    Invalid,
    Missing,
    NameTaken,
    RegistryError,
    TooLarge,
    Unavailable,
    refuse,
)

__all__ = [
    "AliasNotFound",
    "AliasTargetRefused",
    "BytesMismatch",
    "Conflict",
    "Denied",
    "Invalid",
    "InvalidName",
    "InvalidPath",
    "Missing",
    "NameTaken",
    "PathTaken",
    "RegistryError",
    "StoreUnavailable",
    "TooLarge",
    "TypeDiffers",
    "Unavailable",
    "VersionFinalized",
    "VersionHasAliases",
    "VersionIncomplete",
    "VersionNotFound",
    "refuse",
]


class InvalidName(Invalid):
    """A name of an artifact, alias or type that is not in the alphabet."""


class InvalidPath(Invalid):
    """A path that could leave the artifact's folder, or cannot exist on every system."""


class AliasNotFound(Missing):
    """The artifact has no alias of that name."""


class VersionNotFound(Missing):
    """The artifact has no such version."""


class PathTaken(Conflict):
    """The draft holds other contents under the same path."""


class TypeDiffers(Conflict):
    """The artifact exists with another type."""


class VersionFinalized(Conflict):
    """Contents of a finalized version never change."""


class VersionIncomplete(Conflict):
    """Bytes of the draft are not in the store yet."""


class VersionHasAliases(Conflict):
    """Aliases point at the version that should go."""


class BytesMismatch(Conflict):
    """What the store holds is not what was stated."""


class AliasTargetRefused(Conflict):
    """Only a finalized version of the same artifact can have an alias."""


class StoreUnavailable(Unavailable):
    """The object store does not answer."""
