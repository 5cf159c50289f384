"""Everything the SDK refuses or runs into, one tree.

WanLLMDBError
├── AuthenticationError   no API key, or one that the server does not take (401)
├── Denied                you may see it, you may not do it (403)
│   ├── ReadOnlyKey       the key's scope is `read`
│   └── AliasProtected    a rule keeps the alias where it is; `.rule`
├── NotFound              it does not exist, or not for you (404)
│   ├── AliasNotFound     no such alias; `.aliases` are those that exist
│   └── VersionNotFound
├── Invalid               the request makes no sense as it stands (400); also a ValueError
│   ├── InvalidName
│   └── InvalidPath       a path that could leave the artifact or the download directory
├── TooLarge              more than the server takes at once (413)
├── Conflict              it makes sense, but not in this state (409)
│   ├── NameTaken
│   │   └── RuleTaken     the place has a rule for that pattern
│   ├── PathTaken         two different files under one path
│   ├── TypeDiffers       the artifact exists, with another type
│   ├── VersionFinalized  the contents of a version never change
│   ├── VersionIncomplete `.paths` lack their bytes
│   ├── VersionHasAliases
│   ├── BytesMismatch     `.paths` hold other bytes than was said
│   ├── AliasTargetRefused  aliases point at finalized versions of their own artifact
│   ├── AliasMoved        the alias is not where it was expected; `.version` is where it is
│   ├── NothingBefore     the alias has been nowhere else: there is nothing to go back to
│   ├── ProposalOpen      a move of that alias waits for a decision already
│   ├── ProposalDecided   somebody has decided about the proposal before
│   ├── AlreadyLogged     a draft's method on a logged artifact
│   └── NotLogged         a logged artifact's method on a draft
├── FileChanged           a file changed while it was being logged; nothing was logged
├── CorruptDownload       the bytes that came are not the bytes that were logged
├── NotInitialized        there is no run: call `init` first
├── Unreachable           nobody answers at the address; `.address`
└── ServerError           the server or the store answered with a failure of its own (5xx); `.request_id`
    └── Unavailable       a part of the system is away; nothing was changed, try again (503)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class WanLLMDBError(Exception):
    """Everything this package raises on purpose. `str(error)` is a sentence for people."""

    def __init__(self, message: str, *, status: int | None = None, problem: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        """The HTTP status, or None where the SDK itself refused."""
        self.problem: dict[str, Any] = dict(problem or {})
        """The server's whole answer (`application/problem+json`), or nothing."""
        self.answer_lost = False
        """An earlier try of the same request may have been carried out, and its answer lost on the way: then what
        refuses this one may be that one's own work."""

    @property
    def code(self) -> str:
        """The name of the refusal on the wire, such as `AliasNotFound`."""
        return str(self.problem.get("code") or type(self).__name__)

    @property
    def request_id(self) -> str | None:
        """What the server's log calls the request that failed."""
        return self.problem.get("request_id")


class AuthenticationError(WanLLMDBError):
    """No API key, or one the server does not take."""


class Denied(WanLLMDBError):
    """You may see it, but not do this to it."""


class ReadOnlyKey(Denied):
    """The key's scope is `read`."""


class AliasProtected(Denied):
    """A rule keeps the alias where it is. The sentence says who may move it, and whether a proposal helps."""

    @property
    def alias(self) -> str:
        return str(self.problem.get("alias") or "")

    @property
    def rule(self) -> dict[str, Any]:
        """`id`, `pattern`, `place`, the least `role` that moves it, and whether it `needs_approval`."""
        return dict(self.problem.get("rule") or {})


class NotFound(WanLLMDBError):
    """It does not exist, or not for you."""


class AliasNotFound(NotFound):
    """The artifact has no such alias."""

    @property
    def aliases(self) -> list[str]:
        """The aliases that do exist."""
        return list(self.problem.get("aliases") or [])


class VersionNotFound(NotFound):
    """The artifact has no such version."""


class Invalid(WanLLMDBError, ValueError):
    """The request makes no sense as it stands."""


class InvalidName(Invalid):
    """An artifact, alias or type cannot be called that."""


class InvalidPath(Invalid):
    """A path that is not relative, or could leave the artifact or the directory it is downloaded to."""


class TooLarge(WanLLMDBError):
    """More than the server takes at once."""


class Conflict(WanLLMDBError):
    """It makes sense, but not in the state that things are in."""

    @property
    def paths(self) -> list[str]:
        """The paths the refusal is about, as far as the server names them."""
        return list(self.problem.get("paths") or [])


class NameTaken(Conflict):
    """Something else has that name already."""


class RuleTaken(NameTaken):
    """The place has a rule for that pattern already."""


class PathTaken(Conflict):
    """Two different files under one path."""


class TypeDiffers(Conflict):
    """An artifact of that name exists, with another type."""


class VersionFinalized(Conflict):
    """The contents of a finalized version never change."""


class VersionIncomplete(Conflict):
    """Some files of the version have no bytes in the store."""


class VersionHasAliases(Conflict):
    """Aliases point at the version."""


class BytesMismatch(Conflict):
    """The store holds other bytes than was said."""


class AliasTargetRefused(Conflict):
    """Aliases point at finalized versions of their own artifact."""


class AliasMoved(Conflict):
    """The alias is not where it was expected: somebody has moved it."""

    @property
    def alias(self) -> str:
        return str(self.problem.get("alias") or "")

    @property
    def version(self) -> str | None:
        """Where it is, such as `v3`; None where it does not exist."""
        return self.problem.get("version")

    @property
    def version_id(self) -> str | None:
        return self.problem.get("version_id")


class NothingBefore(Conflict):
    """The alias has been nowhere else: there is nothing to go back to."""


class ProposalOpen(Conflict):
    """A move of that alias waits for a decision already."""


class ProposalDecided(Conflict):
    """Somebody has decided about the proposal before."""


class AlreadyLogged(Conflict):
    """The contents of a logged artifact never change: make a new `Artifact`."""


class NotLogged(Conflict):
    """The artifact is a draft: it has no version yet."""


class FileChanged(WanLLMDBError):
    """A file changed while it was being logged. Nothing was logged."""


class CorruptDownload(WanLLMDBError):
    """The bytes that came, or lie on the disk, are not the bytes that were logged."""


class NotInitialized(WanLLMDBError, AttributeError):
    """There is no run in this process: call `init` first."""


class Unreachable(WanLLMDBError):
    """Nobody answers at an address."""

    def __init__(self, message: str, *, address: str = "") -> None:
        super().__init__(message)
        self.address = address


class ServerError(WanLLMDBError):
    """The server or the store answered with a failure of its own."""


class Unavailable(ServerError):
    """A part of the system is away, such as the object store. Nothing was changed; try again."""


# The leaves have the same names on the wire; the kinds, some of them, have not.
_KINDS: dict[str, type[WanLLMDBError]] = {
    "NotAuthenticated": AuthenticationError,
    "AuthenticationFailed": AuthenticationError,
    "Missing": NotFound,
    "PayloadTooLarge": TooLarge,
    "StoreUnavailable": Unavailable,
}
_LEAVES: tuple[type[WanLLMDBError], ...] = (
    *(AuthenticationError, Denied, ReadOnlyKey, AliasProtected, NotFound, AliasNotFound, VersionNotFound),
    *(Invalid, InvalidName, InvalidPath, TooLarge, Unavailable),
    *(Conflict, NameTaken, PathTaken, TypeDiffers, VersionFinalized, VersionIncomplete, VersionHasAliases),
    *(BytesMismatch, AliasTargetRefused, AliasMoved, NothingBefore, ProposalOpen, ProposalDecided, RuleTaken),
)
_BY_CODE = _KINDS | {leaf.__name__: leaf for leaf in _LEAVES}
_BY_STATUS: dict[int, type[WanLLMDBError]] = {
    400: Invalid,
    401: AuthenticationError,
    403: Denied,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    422: Invalid,
    503: Unavailable,
}


def from_problem(status: int, problem: Mapping[str, Any]) -> WanLLMDBError:
    """The exception for a refusal: by its code, and by its status where the code is not known here."""
    kind = _BY_CODE.get(str(problem.get("code", "")))
    if kind is None:
        kind = _BY_STATUS.get(status, ServerError if status >= 500 else WanLLMDBError)
    return kind(_sentence(status, problem), status=status, problem=problem)


def _sentence(status: int, problem: Mapping[str, Any]) -> str:
    detail = str(problem.get("detail") or problem.get("title") or f"The server answered {status}")
    fields = problem.get("errors")
    if isinstance(fields, Mapping):
        said = [f"{field}: {' '.join(map(str, told))}" for field, told in fields.items() if isinstance(told, list)]
        # One field's sentence is often the detail already.
        detail = "; ".join([detail, *(line for line in said if line.split(": ", 1)[1] not in detail)])
    aliases = problem.get("aliases")
    if problem.get("code") == "AliasNotFound" and isinstance(aliases, list) and not _all_named(aliases, detail):
        known = ", ".join(repr(alias) for alias in aliases) or "none"
        detail = f"{detail.rstrip('.')}; the aliases that exist: {known}"
    if status >= 500 and problem.get("request_id"):
        detail = f"{detail} (request {problem['request_id']})"
    return detail


def _all_named(names: list[Any], sentence: str) -> bool:
    return bool(names) and all(str(name) in sentence for name in names)
