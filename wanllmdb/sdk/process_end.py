"""How the process ends: the only place that tells whether a run finished, crashed or was killed.

No hook of Python says it. From Python 3.12 on, the exception that leaves the frame of `__main__` is heard. In older
versions it is in `sys.last_value`, unless it is a SystemExit: its status is then what `sys.exit`, `exit` or `quit` was
called with, or what the last statement of the program, a `raise SystemExit(…)`, says.
"""

from __future__ import annotations

import atexit
import dis
import sys
import threading
from collections.abc import Callable
from types import CodeType, FrameType, ModuleType
from typing import Any, NamedTuple

# Of the six that `sys.monitoring` has, one that no standard tool (debugger, coverage, profiler, optimizer) is given.
_TOOL_ID = 4
# As in the server.
MAX_ERROR_LENGTH = 1024
_RETURNS = {dis.opmap[name] for name in ("RETURN_VALUE", "RETURN_CONST") if name in dis.opmap}


class Outcome(NamedTuple):
    """The state in which a run ends, the exit code if there is one, and the last line of the error if there was one."""

    state: str
    exit_code: int | None
    error: str = ""


FINISHED = Outcome("finished", 0)
CRASHED = Outcome("crashed", 1)
KILLED = Outcome("killed", None)

_main_frame: FrameType | None = None
_last_value_before: BaseException | None = None
# Of the last call of `sys.exit` and the like; whether it ended the program is another question.
_exit_outcome: Outcome | None = None
_unwound_outcome: Outcome | None = None


def outcome_of(error: BaseException | None) -> Outcome:
    """How a program or a block ends that this exception leaves; None is the normal end."""
    if error is None:
        return FINISHED
    if isinstance(error, SystemExit):
        return outcome_of_status(error.code)
    return KILLED if isinstance(error, KeyboardInterrupt) else crashed_by(error)


def crashed_by(error: BaseException) -> Outcome:
    """As a traceback ends: `ValueError: no data`, the last line of it."""
    try:
        message = str(error)
    except Exception:
        message = ""
    name = type(error).__name__
    return CRASHED._replace(error=_last_line(f"{name}: {message}" if message.strip() else name))


def _last_line(text: str) -> str:
    """What the server takes as one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    line = "".join(character if character.isprintable() else " " for character in lines[-1]) if lines else ""
    return line[:MAX_ERROR_LENGTH].strip()


def outcome_of_status(status: object) -> Outcome:
    """How a program ends that calls `sys.exit(status)`: as in Python itself, a text is an error message."""
    if status is None:
        return FINISHED
    # Anything else, 0.0 too, Python prints as an error message.
    if not isinstance(status, int) or not -(2**31) <= status < 2**31:
        return CRASHED._replace(error=_last_line(status) if isinstance(status, str) else "")
    return Outcome("crashed", int(status)) if status else FINISHED


def watch() -> None:
    """From now on `outcome` can tell how the process ends. Calling it again changes nothing."""
    global _main_frame, _last_value_before
    if _main_frame is not None:
        return
    _main_frame = _frame_of_main()
    _last_value_before = getattr(sys, "last_value", None)
    original = sys.exit
    sys.exit = _heard(original)
    for quitter in {type(function) for function in _quit_functions()}:
        quitter.__call__ = _heard_method(quitter.__call__)
    if not _hear_unwinding():
        _replace_imported(original, sys.exit)


def outcome() -> Outcome:
    """How the process ends, as far as is known; for functions that are registered with `atexit`."""
    if hasattr(sys, "ps1"):
        # An interactive session goes on after an exception.
        return _exit_outcome or FINISHED
    if _unwound_outcome is not None:
        return _unwound_outcome
    if _main_frame is None or _main_frame.f_code.co_code[_main_frame.f_lasti] in _RETURNS:
        return FINISHED
    last_value = getattr(sys, "last_value", None)
    if last_value is not None and last_value is not _last_value_before:
        return outcome_of(last_value)
    return _outcome_of_last_statement(_main_frame) or _exit_outcome or FINISHED


def call_at_end(function: Callable[[Outcome], object]) -> None:
    """Call the function with the outcome when the process ends. To be called once, and in each process that is forked.

    Processes of multiprocessing call no functions that are registered with `atexit`, but finalizers of their own.
    """
    watch()
    if not _is_worker():
        atexit.register(lambda: function(outcome()))
        return

    def finalize() -> None:
        # It is called while the exception that ends the process is handled.
        function(outcome_of(sys.exc_info()[1]))

    sys.modules["multiprocessing.util"].Finalize(None, finalize, exitpriority=0)


def _is_worker() -> bool:
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


def _frame_of_main() -> FrameType:
    """The frame of the program itself, or the outermost one where another program called it."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0) or sys._getframe()
    main = None
    while True:
        if frame.f_globals is vars(sys.modules["__main__"]):
            main = frame
        if frame.f_back is None:
            return main or frame
        frame = frame.f_back


# --- Listening --------------------------------------------------------------------------------------------------------


def _remember(status: object) -> None:
    global _exit_outcome
    # In another thread it ends only that thread.
    if threading.current_thread() is threading.main_thread():
        _exit_outcome = outcome_of_status(status)


def _heard(original: Callable[..., Any]) -> Callable[..., Any]:
    def exit(status: Any = None, /) -> Any:
        _remember(status)
        return original(status)

    return exit


def _heard_method(original: Callable[..., Any]) -> Callable[..., Any]:
    def __call__(self: Any, code: Any = None) -> Any:
        _remember(code)
        return original(self, code)

    return __call__


def _quit_functions() -> list[Any]:
    """`exit` and `quit`, which are missing under `python -S`."""
    builtins = sys.modules["builtins"]
    functions = (getattr(builtins, name, None) for name in ("exit", "quit"))
    return [function for function in functions if type(function).__name__ == "Quitter"]


def _replace_imported(original: Callable[..., Any], heard: Callable[..., Any]) -> None:
    """`from sys import exit` has bound the original function in modules that are already loaded."""
    for module in list(sys.modules.values()):
        if not isinstance(module, ModuleType) or module is sys:
            continue
        names = vars(module)
        imported = names.copy() if names.get("__name__") == "__main__" else {"exit": names.get("exit")}
        names.update({name: heard for name, value in imported.items() if value is original})


def _hear_unwinding() -> bool:
    """Hear which exception leaves the frame of `__main__`. Costs nothing until an exception is raised. Needs 3.12."""
    monitoring: Any = getattr(sys, "monitoring", None)
    if monitoring is None or monitoring.get_tool(_TOOL_ID) is not None:
        return False
    monitoring.use_tool_id(_TOOL_ID, "wanllmdb")
    monitoring.register_callback(_TOOL_ID, monitoring.events.PY_UNWIND, _on_unwind)
    monitoring.set_events(_TOOL_ID, monitoring.events.PY_UNWIND)
    return True


def _on_unwind(code: CodeType, offset: int, error: BaseException) -> None:
    global _unwound_outcome
    # The outcome is kept, not the error, whose traceback holds all local variables.
    if _main_frame is not None and code is _main_frame.f_code:
        _unwound_outcome = outcome_of(error)


# --- Python 3.10 and 3.11 ---------------------------------------------------------------------------------------------


def _outcome_of_last_statement(frame: FrameType) -> Outcome | None:
    """The outcome where a program ended with the statement `raise SystemExit` or `raise SystemExit(constant)`."""
    steps = [
        (step.opname, step.argval)
        for step in dis.get_instructions(frame.f_code)
        if step.offset <= frame.f_lasti and step.opname not in ("PRECALL", "PUSH_NULL", "EXTENDED_ARG")
    ]
    if len(steps) < 4 or steps[-1][0] != "RAISE_VARARGS":
        return None
    exit_class = ("LOAD_NAME", "SystemExit")
    if steps[-2] == exit_class or (steps[-2][0].startswith("CALL") and steps[-3] == exit_class):
        return FINISHED
    (load, constant), (call, _) = steps[-3], steps[-2]
    if call.startswith("CALL") and load == "LOAD_CONST" and steps[-4] == exit_class:
        return outcome_of_status(constant)
    return None
