"""The GraphQL documents that an installed `wandb` client holds, found without running it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

_BEGINS = re.compile(r"\s*(?:query|mutation|subscription)\s+(\w+)\s*[({]")
# In the client's core, which is one binary, documents stand as text among everything else.
_IN_BINARY = re.compile(rb"(?:query|mutation) \w+ ?(?:\([$\w:!\[\], =\n\t]*\))? ?\{")
_TEXT = re.compile(rb"[\n\t\x20-\x7e]+")


def of_client(environment: Path) -> dict[str, str]:
    """By `module: operation` the documents of the client that is installed in the environment."""
    [package] = environment.glob("lib/python3*/site-packages/wandb")
    found = {}
    for path in sorted(package.rglob("*.py")):
        if "vendor" not in path.parts:
            module = str(path.relative_to(package).with_suffix(""))
            found |= {f"{module}: {name}": text for name, text in of_source(path.read_text())}
    core = (package / "bin" / "wandb-core").read_bytes()
    return found | {f"wandb-core: {name}": text for name, text in of_binary(core)}


def of_source(text: str) -> Iterator[tuple[str, str]]:
    """The text constants of a module that are whole documents; not what it puts together as it runs."""
    tree = ast.parse(text)
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts
        if is_text and (begins := _BEGINS.match(node.value)):
            yield begins[1], node.value


def of_binary(core: bytes) -> Iterator[tuple[str, str]]:
    """The documents in the bytes of a program: from where one begins to the end of its fragments."""
    for begin in _IN_BINARY.finditer(core):
        text = _TEXT.match(core, begin.start())
        assert text is not None
        yield begin[0].split()[1].split(b"(")[0].decode(), _whole(text[0].decode())


def _whole(text: str) -> str:
    """The operation at the beginning of the text, and the fragments that follow it."""
    end = _closing(text, 0)
    while fragment := re.compile(r"\s*fragment \w+ on \w+ \{").match(text, end):
        end = _closing(text, fragment.end() - 1)
    return text[:end]


def _closing(text: str, start: int) -> int:
    depth = 0
    for position in range(text.index("{", start), len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return position + 1
    return len(text)
