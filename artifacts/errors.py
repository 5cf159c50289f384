"""Everything the registry refuses: the kinds of `core.errors`, and the leaves that artifacts add to them.

Invalid          InvalidName, InvalidPath, ReferenceRefused
Denied           AliasProtected
Missing          AliasNotFound, VersionNotFound
Conflict         NameTaken, NameReserved, PathTaken, TypeDiffers, VersionFinalized, VersionIncomplete,
                 VersionHasAliases, BytesMismatch, AliasMoved, AliasTargetRefused, NothingBefore, ProposalOpen,
                 ProposalDecided, RuleTaken, TooManyAliases, TooManyProposals, TooManyRules, TooManyStores,
                 UploadIncomplete, VersionHeld, PackDiffers, BaseUnverified, LinkRefused
Unavailable      StoreUnavailable, ClockSkew, Busy
"""

from accounts.errors import (
    Busy,
    Conflict,
    Denied,
    Invalid,
    Missing,
    NameReserved,
    NameTaken,
    RegistryError,
    TooLarge,
    Unavailable,
    check,
    refuse,
)

__all__ = [
    "AliasMoved",
    "AliasNotFound",
    "AliasProtected",
    "AliasTargetRefused",
    "BaseUnverified",
    "Busy",
    "BytesMismatch",
    "ClockSkew",
    "Conflict",
    "Denied",
    "Invalid",
    "InvalidName",
    "InvalidPath",
    "LinkRefused",
    "Missing",
    "NameReserved",
    "NameTaken",
    "NothingBefore",
    "PackDiffers",
    "PathTaken",
    "ProposalDecided",
    "ProposalOpen",
    "ReferenceRefused",
    "RegistryError",
    "RuleTaken",
    "StoreUnavailable",
    "TooLarge",
    "TooManyAliases",
    "TooManyProposals",
    "TooManyRules",
    "TooManyStores",
    "TypeDiffers",
    "Unavailable",
    "UploadIncomplete",
    "VersionFinalized",
    "VersionHasAliases",
    "VersionHeld",
    "VersionIncomplete",
    "VersionNotFound",
    "check",
    "refuse",
]


class InvalidName(Invalid):
    """A name of an artifact, alias or type that is not allowed."""


class InvalidPath(Invalid):
    """A path that could leave the artifact's folder, or cannot exist on every system."""


class ReferenceRefused(Invalid):
    """A URI that no version may refer to: of no known form, or in a place that is not for references."""


class AliasNotFound(Missing):
    """The artifact has no alias of that name."""


class VersionNotFound(Missing):
    """The artifact has no such version."""

    @classmethod
    def deleted(cls, title: str, artifact_name: str) -> "VersionNotFound":
        """`title` is `Version v3`, or of a draft its own."""
        return cls(f"{title} of artifact {artifact_name!r} was deleted.")


class AliasProtected(Denied):
    """A rule keeps the alias where it is; the rule is named, and whether a proposal would help."""


class AliasMoved(Conflict):
    """The alias is not where the caller expects it; `version` and `version_id` say where it is."""


class NothingBefore(Conflict):
    """The alias has only ever pointed to one version."""


class ProposalOpen(Conflict):
    """A move of this alias is pending approval already."""


class ProposalDecided(Conflict):
    """The proposal has been decided already."""


class RuleTaken(NameTaken):
    """The team, project or artifact has a rule for this pattern already."""


class TooManyAliases(Conflict):
    """The artifact has as many aliases as one may have."""


class TooManyProposals(Conflict):
    """As many moves of aliases of this artifact wait for approval as may."""


class TooManyRules(Conflict):
    """The team, project or artifact has as many rules as one may have."""


class TooManyStores(Conflict):
    """The team has as many external stores as one may have."""


class PathTaken(Conflict):
    """The draft has other contents at the same path."""


class TypeDiffers(Conflict):
    """The artifact exists with another type."""


class VersionFinalized(Conflict):
    """Contents of a finalized version never change."""


class VersionIncomplete(Conflict):
    """Not all bytes of the draft have been uploaded yet."""


class VersionHasAliases(Conflict):
    """Aliases point at the version to be deleted, or at a version of the artifact to be deleted."""


class VersionHeld(Conflict):
    """Something refers to the version to be deleted, or to a version of the artifact; `holders` name it."""


class UploadIncomplete(Conflict):
    """The bytes have not arrived in the object store yet."""


class BytesMismatch(Conflict):
    """The uploaded bytes are not those that were announced."""


class PackDiffers(Conflict):
    """A pack that is stated by paths is not what the draft waits for: others have sent or added files meanwhile."""


class BaseUnverified(Conflict):
    """A version on which no draft can be based by this user: `paths` are corrupt, or nobody has verified them yet."""


class AliasTargetRefused(Conflict):
    """Only a finalized version of the same artifact can have an alias."""


class LinkRefused(Conflict):
    """Collections hold links to finalized versions and nothing else, and nothing else holds links."""


class StoreUnavailable(Unavailable):
    """The object store does not respond."""


class ClockSkew(StoreUnavailable):
    """The clocks of this server and of the object store differ, so that the store accepts no signature."""
