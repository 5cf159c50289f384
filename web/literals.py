"""Texts of users in code that people copy: quoted for its language, whatever characters they have."""

import shlex


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
