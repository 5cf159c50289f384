"""All exceptions of the SDK, as one tree.

WanLLMDBError
├── AuthenticationError   no API key, or the server rejects it (401)
├── Denied                you can see it, but you lack the permission (403)
│   ├── ReadOnlyKey       the key's scope is `read`
│   └── AliasProtected    a protection rule refuses the change; `.rule`
├── NotFound              it does not exist, or you have no access (404)
│   ├── AliasNotFound     no such alias; `.aliases` lists the existing ones
│   └── VersionNotFound
├── Invalid               the request is not valid (400); also a ValueError
│   ├── InvalidName
│   └── InvalidPath       a path that could leave the artifact or the download directory
├── TooLarge              larger than the server accepts in one request (413)
├── Conflict              valid, but not possible in the current state (409)
│   ├── NameTaken
│   │   └── RuleTaken     a rule for this pattern already exists in this scope
│   ├── NameReserved      the name is kept for what had it until it was renamed or deleted
│   ├── PathTaken         two different files at one path
│   ├── TypeDiffers       the artifact exists with another type
│   ├── LinkRefused       what is no collection takes no links, and a collection takes nothing else
│   ├── VersionFinalized  the contents of a finalized version never change
│   ├── VersionIncomplete the bytes of `.paths` are missing
│   ├── VersionHasAliases
│   ├── BytesMismatch     the bytes of `.paths` differ from what was declared
│   ├── PackDiffers       another process uploads for the same draft
│   ├── AliasTargetRefused  aliases only point to finalized versions of their own artifact
│   ├── AliasMoved        the alias is not at the expected version; `.version` is the current one
│   ├── NothingBefore     the alias has no earlier version to roll back to
│   ├── ProposalOpen      a proposal for this alias is already open
│   ├── ProposalDecided   the proposal has already been decided
│   ├── AlreadyLogged     a draft's method on a logged artifact
│   └── NotLogged         a logged artifact's method on a draft
├── FileChanged           a file changed after it was added, or while it was being logged; nothing was logged
├── CorruptDownload       the downloaded bytes differ from the logged ones
├── BrokenReference       the objects of references are not to be had; `.uris`, `.paths`
│   ├── ReferenceChanged      they are not what they were when they were logged
│   └── ReferenceUnreachable  a store or web server does not answer, or not to these credentials
├── CacheError            the cache directory cannot be read or written, or its disk is full
├── WaitTimeout           `Artifact.wait` was given up, and the artifact is still being logged; also a TimeoutError
├── NotInitialized        there is no run: call `init` first
├── Unreachable           no response from `.url`, or a proxy that does not let requests through
└── ServerError           the server or the object store failed (5xx); `.request_id`
    └── Unavailable       a part of the system is down; nothing was changed, try again (503)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class WanLLMDBError(Exception):
    """Base class of everything this package raises on purpose. `str(error)` is a readable message."""

    def __init__(self, message: str, *, status: int | None = None, problem: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        """The HTTP status, or None if the SDK itself raised the error."""
        self.problem: dict[str, Any] = dict(problem or {})
        """The full response of the server (`application/problem+json`), or an empty dict."""
        self.response_lost = False
        """An earlier attempt of the same request may have succeeded although its response was lost. Then this error may
        be caused by that attempt."""

    @property
    def code(self) -> str:
        """The error code on the wire, such as `AliasNotFound`."""
        return str(self.problem.get("code") or type(self).__name__)

    @property
    def request_id(self) -> str | None:
        """The id of the failed request in the server's log."""
        return self.problem.get("request_id")


# What programs that were written for `wandb` catch.
Error = CommError = UsageError = WanLLMDBError


class AuthenticationError(WanLLMDBError):
    """No API key, or the server rejects it."""


class Denied(WanLLMDBError):
    """You can see it, but you lack the permission for this."""


class ReadOnlyKey(Denied):
    """The key's scope is `read`."""


class AliasProtected(Denied):
    """A protection rule refuses the change. The message says who can make it, and whether a proposal is possible."""

    @property
    def alias(self) -> str:
        return str(self.problem.get("alias") or "")

    @property
    def rule(self) -> dict[str, Any]:
        """`id`, `pattern`, `place` (the scope), the minimum `role`, and whether it `needs_approval`."""
        return dict(self.problem.get("rule") or {})


class NotFound(WanLLMDBError):
    """It does not exist, or you have no access."""


class AliasNotFound(NotFound):
    """The artifact has no such alias."""

    @property
    def aliases(self) -> list[str]:
        """The aliases that exist."""
        return list(self.problem.get("aliases") or [])


class VersionNotFound(NotFound):
    """The artifact has no such version."""


class Invalid(WanLLMDBError, ValueError):
    """The request is not valid."""


class InvalidName(Invalid):
    """Not a valid name for an artifact, an alias, a tag or a type."""


class InvalidPath(Invalid):
    """A path that is not relative, or could leave the artifact or the download directory."""


class TooLarge(WanLLMDBError):
    """Larger than the server accepts in one request."""


class Conflict(WanLLMDBError):
    """The request is valid, but not possible in the current state."""

    @property
    def paths(self) -> list[str]:
        """The paths concerned, as far as the server names them."""
        return list(self.problem.get("paths") or [])


class NameTaken(Conflict):
    """The name is already in use."""


class RuleTaken(NameTaken):
    """A rule for this pattern already exists in this scope."""


class NameReserved(Conflict):
    """The name is kept for what had it until it was renamed or deleted."""


class PathTaken(Conflict):
    """Two different files at one path."""


class TypeDiffers(Conflict):
    """An artifact of this name exists with another type."""


class LinkRefused(Conflict):
    pass


class VersionFinalized(Conflict):
    """The contents of a finalized version never change."""


class VersionIncomplete(Conflict):
    """The bytes of some files are missing in the object store."""


class VersionHasAliases(Conflict):
    """Aliases point to the version."""


class BytesMismatch(Conflict):
    """The object store holds other bytes than declared."""


class PackDiffers(Conflict):
    """Another process uploads for the same draft, so a pack is not what is missing; `log_artifact` tries again."""


class AliasTargetRefused(Conflict):
    """Aliases only point to finalized versions of their own artifact."""


class AliasMoved(Conflict):
    """The alias is not at the expected version: somebody else has moved it."""

    @property
    def alias(self) -> str:
        return str(self.problem.get("alias") or "")

    @property
    def version(self) -> str | None:
        """The current version, such as `v3`; None if the alias does not exist."""
        return self.problem.get("version")

    @property
    def version_id(self) -> str | None:
        return self.problem.get("version_id")


class NothingBefore(Conflict):
    """The alias has only ever pointed to its current version: there is nothing to roll back to."""


class ProposalOpen(Conflict):
    """A proposal for this alias is already open."""


class ProposalDecided(Conflict):
    """The proposal has already been decided."""


class AlreadyLogged(Conflict):
    """The contents of a logged artifact never change: create a new `Artifact`."""


class NotLogged(Conflict):
    """The artifact is a draft: it has no version yet."""


class FileChanged(WanLLMDBError):
    """A file changed after it was added, or while it was being logged. Nothing was logged."""


class CorruptDownload(WanLLMDBError):
    """The bytes received or found on disk differ from the logged ones."""


class BrokenReference(WanLLMDBError):
    """The objects of one reference or several are not to be had."""

    @property
    def uris(self) -> list[str]:
        """Where they should be, without what grants access."""
        return list(self.problem.get("uris") or [])

    @property
    def paths(self) -> list[str]:
        """Their paths in the artifact, as far as they have some."""
        return list(self.problem.get("paths") or [])


class ReferenceChanged(BrokenReference):
    """The objects are not what they were when they were logged."""


class ReferenceUnreachable(BrokenReference):
    """A store or web server does not answer, or not to these credentials."""


class CacheError(WanLLMDBError):
    """The cache directory cannot be read or written, or its disk is full."""


class WaitTimeout(WanLLMDBError, TimeoutError):
    """The artifact is still being logged: `wait` was given up, the log was not."""


class NotInitialized(WanLLMDBError, AttributeError):
    """There is no run in this process: call `init` first."""


class Unreachable(WanLLMDBError):
    """No response from a server, or a proxy on the way that does not let requests through; `.status` is the proxy's."""

    def __init__(self, message: str, *, url: str = "") -> None:
        super().__init__(message)
        self.url = url


class ServerError(WanLLMDBError):
    """The server or the object store failed."""


class Unavailable(ServerError):
    """A part of the system is down, such as the object store. Nothing was changed; try again."""


# Most codes on the wire are the names of the classes; these are the others.
_RENAMED_CODES: dict[str, type[WanLLMDBError]] = {
    "NotAuthenticated": AuthenticationError,
    "AuthenticationFailed": AuthenticationError,
    "Missing": NotFound,
    "PayloadTooLarge": TooLarge,
    "StoreUnavailable": Unavailable,
}
_SAME_CODES: tuple[type[WanLLMDBError], ...] = (
    *(AuthenticationError, Denied, ReadOnlyKey, AliasProtected, NotFound, AliasNotFound, VersionNotFound),
    *(Invalid, InvalidName, InvalidPath, TooLarge, Unavailable),
    *(
        Conflict,
        NameTaken,
        NameReserved,
        PathTaken,
        TypeDiffers,
        LinkRefused,
        VersionFinalized,
        VersionIncomplete,
        VersionHasAliases,
    ),
    *(
        BytesMismatch,
        PackDiffers,
        AliasTargetRefused,
        AliasMoved,
        NothingBefore,
        ProposalOpen,
        ProposalDecided,
        RuleTaken,
    ),
)
_BY_CODE = _RENAMED_CODES | {error.__name__: error for error in _SAME_CODES}
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
    """The exception for an error response: by its code, or by its status if this SDK does not know the code."""
    error_class = _BY_CODE.get(str(problem.get("code", "")))
    if error_class is None:
        error_class = _BY_STATUS.get(status, ServerError if status >= 500 else WanLLMDBError)
    return error_class(_message(status, problem), status=status, problem=problem)


def _message(status: int, problem: Mapping[str, Any]) -> str:
    message = str(problem.get("detail") or problem.get("title") or f"The server answered {status}")
    fields = problem.get("errors")
    if isinstance(fields, Mapping):
        texts = {field: " ".join(map(str, errors)) for field, errors in fields.items() if isinstance(errors, list)}
        # The message of a single field is often the detail already.
        message = "; ".join([message, *(f"{field}: {text}" for field, text in texts.items() if text not in message)])
    aliases = problem.get("aliases")
    if problem.get("code") == "AliasNotFound" and isinstance(aliases, list):
        is_complete = aliases and all(str(alias) in message for alias in aliases)
        existing = ", ".join(repr(alias) for alias in aliases) or "none"
        message = message if is_complete else f"{message.rstrip('.')}; existing aliases: {existing}"
    if status >= 500 and problem.get("request_id"):
        message = f"{message} (request {problem['request_id']})"
    return message
