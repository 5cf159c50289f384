"""Texts of users in code that people copy: quoted for its language, whatever characters they have."""

import json
import re
import shlex

_PLAIN_YAML = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*(?::[A-Za-z0-9_./-]+)*")
_YAML_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}


def python(text: str) -> str:
    """A literal of Python. What does not print, or would turn the direction of the text, is escaped."""
    literal = repr(text)
    return f'"{literal[1:-1]}"' if literal[0] == "'" and not {"'", '"'} & set(text) else literal


def shell(text: str) -> str:
    """A word of a shell. What does not print is escaped as bash, zsh and ksh read it."""
    if text.isprintable():
        return shlex.quote(text)
    escaped = (
        f"\\{character}" if character in "\\'" else character if character.isprintable() else f"\\U{ord(character):08x}"
        for character in text
    )
    return f"$'{''.join(escaped)}'"


def yaml(text: str) -> str:
    """A scalar of YAML that is read as this text. JSON's texts are YAML's."""
    is_plain = _PLAIN_YAML.fullmatch(text) and text.lower() not in _YAML_WORDS
    return text if is_plain else json.dumps(text)
