"""What public functions take: values of other types are refused with a sentence, and arguments of `wandb` are known."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import Enum
from numbers import Real
from os import PathLike
from typing import Any, ParamSpec, TypeVar

from wanllmdb.sdk import errors
from wanllmdb.sdk.console import Console
from wanllmdb.sdk.host_environment.secret import Secret

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_SECRETS = ("key", "api_key")
_MAX_EXCERPT = 80
_has_warned: set[tuple[str, str]] = set()


def _is_path(value: object) -> bool:
    return isinstance(value, (str, bytes, PathLike))


def _is_integer(value: object) -> bool:
    return hasattr(value, "__index__")


def _is_number(value: object) -> bool:
    return isinstance(value, Real) or (hasattr(value, "__float__") and not hasattr(value, "__len__"))


def _is_collection(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))


# By what annotations begin with: what such a value is called, and how it is recognised.
_KINDS: dict[str, tuple[str, Callable[[object], bool]]] = {
    "str": ("a text", lambda value: isinstance(value, str)),
    "int": ("a whole number", _is_integer),
    "float": ("a number", _is_number),
    "bool": (
        "True or False",
        lambda value: isinstance(value, (bool, int)) or type(value).__name__ in ("bool_", "bool"),
    ),
    "datetime": ("a datetime", lambda value: isinstance(value, datetime)),
    "StrPath": ("a path", _is_path),
    "Iterable": ("a list", _is_collection),
    "Sequence": ("a list", _is_collection),
    "Callable": ("a function", callable),
    "ProgressCallback": ("a function", callable),
    "None": ("None", lambda value: value is None),
}


def checked(
    *,
    ignored: Mapping[str, str] | None = None,
    renamed: Mapping[str, str] | None = None,
    leaves: Iterable[str] = (),
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """For a public function: a value of another type than its annotation says raises `Invalid`.

    `ignored` are arguments that the function of this name in `wandb` has, and why they do nothing here: whoever passes
    one is told so once. `renamed` are what that function calls arguments of ours. Any other name is a `TypeError`.
    `leaves` are arguments that the function checks by itself. Keys are hidden from tracebacks.
    """
    others = dict(ignored or {})

    def decorate(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        kinds = {
            name: None if name in leaves else _kind_of(str(parameter.annotation))
            for name, parameter in inspect.signature(function).parameters.items()
        }
        names = list(kinds)
        called = function.__qualname__.removesuffix(".__init__")

        def prepare(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any], str | None]:
            """The arguments with hidden keys, and what is wrong with one of them."""
            given = [_hidden(name, value) for name, value in zip(names, args, strict=False)]
            named = {(renamed or {}).get(name, name): _hidden(name, value) for name, value in kwargs.items()}
            for name in [name for name in named if name in others and name not in kinds]:
                warn_of_ignored(called, name, named.pop(name), others[name])
            problem = None
            for name, value in (*zip(names, given, strict=False), *named.items()):
                problem = problem or _problem(kinds.get(name), value, called, name)
            return [*given, *args[len(given) :]], named, problem

        @functools.wraps(function)
        def call(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
            given, named, problem = prepare(args, kwargs)
            del args, kwargs  # they have the keys as they were given
            if problem:
                raise errors.Invalid(problem)
            return function(*given, **named)

        return call

    return decorate


def warn_of_ignored(function: str, argument: str, value: object, reason: str) -> None:
    """Say once that the argument does nothing here; of None and False nothing was expected."""
    if value is None or value is False or (function, argument) in _has_warned:
        return
    _has_warned.add((function, argument))
    Console().warning(f"{function}({argument}=…) has no effect here: {reason}")


def warn_once(function: str, reason: str) -> None:
    """Say once what this function of `wandb` does not do here."""
    if (function, "") not in _has_warned:
        _has_warned.add((function, ""))
        Console().warning(f"{function} has no effect here: {reason}")


class AlertLevel(Enum):
    """How urgent an `alert` is."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


def excerpt(value: object) -> str:
    """The value in an error message: its `repr`, or its type where that is long or fails."""
    try:
        text = repr(value)
    except Exception:
        text = ""
    return text if 0 < len(text) <= _MAX_EXCERPT else f"a value of type {type(value).__name__}"


def _hidden(name: str, value: Any) -> Any:
    return Secret(value) if name in _SECRETS and isinstance(value, str) else value


# The classes of ours that functions take, by name: their modules import this one.
_CLASSES = ("Api", "Artifact", "AliasProposal", "Entry", "File", "Run")

_Kind = list[tuple[str, Callable[[object], bool]]]


def _kind_of(annotation: str) -> _Kind | None:
    """What the annotation takes; None if that is a type which is not checked here."""
    parts = [part.strip() for part in _without_brackets(annotation).split("|")]
    kinds = [_KINDS.get(part) or _kind_of_class(part) for part in parts]
    known = [kind for kind in kinds if kind is not None]
    return known if len(known) == len(kinds) else None


def _without_brackets(annotation: str) -> str:
    """What is in a list is looked at where it is used."""
    depth, kept = 0, []
    for character in annotation:
        depth += character == "["
        if not depth:
            kept.append(character)
        depth -= character == "]"
    return "".join(kept)


def _kind_of_class(name: str) -> tuple[str, Callable[[object], bool]] | None:
    if name not in _CLASSES:
        return None
    article = "an" if name[0] in "AE" else "a"
    return f"{article} {name}", lambda value: any(base.__name__ == name for base in type(value).__mro__)


def _problem(kind: _Kind | None, value: object, function: str, name: str) -> str | None:
    if kind is None or any(accepts(value) for _, accepts in kind):
        return None
    types = [name for name, _ in kind if name != "None"]
    listed = " or ".join([", ".join(types[:-1]), types[-1]] if len(types) > 1 else types)
    given = f"a value of type {type(value).__name__}" if name in _SECRETS else excerpt(value)
    return f"{function}: {name} takes {listed}, not {given}"
