"""The config of a run as the client has it: a dict for each key, with what the client keeps for itself among them."""

import shlex
from typing import Any, NamedTuple

from projects.models import Run, RunEnvironment

_OWN = "_wandb"
# Of an old form of the file, and no key of the user's.
_NO_KEYS = ("wandb_version",)


class Config(NamedTuple):
    """Values by key; and what the client keeps for itself, None if it said nothing of that."""

    values: dict[str, Any]
    wandb: dict[str, Any] | None


def from_wire(config: dict[str, Any]) -> Config:
    """`{"lr": {"value": 0.1, "desc": null}}` is `{"lr": 0.1}`."""
    values = {key: _value(one) for key, one in config.items() if key not in (_OWN, *_NO_KEYS)}
    own = _value(config[_OWN]) if _OWN in config else None
    return Config(values, own if isinstance(own, dict) else None)


def to_wire(run: Run) -> dict[str, Any]:
    values = run.config | ({_OWN: run.wandb} if run.wandb else {})
    return {key: {"desc": None, "value": value} for key, value in values.items()}


def start_of(wandb: dict[str, Any]) -> dict[str, str]:
    """What the last process of the run said of its start, as columns of `RunEnvironment`; nothing if none."""
    told = _last_environment(wandb)
    program = _line(told.get("program"))
    command = shlex.join([program, *filter(None, map(_line, _list(told.get("args"))))]) if program else ""
    python = _line(wandb.get("python_version")) or _line(told.get("python")).removeprefix("CPython ")
    found = {"command": command, "python_version": python}
    return {column: _fit(column, value) for column, value in found.items()} if any(found.values()) else {}


def describe_environment(run: Run) -> dict[str, Any]:
    """What the last process of the run said of its machine."""
    told = _last_environment(run.wandb)
    git = told.get("git") if isinstance(told.get("git"), dict) else {}
    return {
        "program": run.program or _text(told.get("program")),
        "args": [one for one in _list(told.get("args")) if isinstance(one, str)],
        "os": _text(told.get("os")),
        "python": _text(told.get("python")) or _text(run.wandb.get("python_version")),
        "executable": _text(told.get("executable")),
        "cpu_count": _integer(told.get("cpu_count")),
        "gpu_count": _integer(told.get("gpu_count")),
        "gpu": _text(told.get("gpu")),
        "code_saved": bool(told.get("codePath")),
        "git": {
            "remote": run.git_remote or _text(git.get("remote")),
            "commit": run.git_commit or _text(git.get("commit")),
        },
    }


def _value(entry: Any) -> Any:
    return entry["value"] if isinstance(entry, dict) and "value" in entry else entry


def _last_environment(wandb: dict[str, Any]) -> dict[str, Any]:
    environments = wandb.get("e")
    found = list(environments.values())[-1:] if isinstance(environments, dict) else []
    return found[0] if found and isinstance(found[0], dict) else {}


def _line(value: Any) -> str:
    """A text on one line; empty for anything else."""
    return value if isinstance(value, str) and value.isprintable() else ""


def _fit(column: str, value: str) -> str:
    return value[: RunEnvironment._meta.get_field(column).max_length]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and abs(value) < 2**31 else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
