"""Names in addresses."""

from django.urls import register_converter

from accounts.validators import RESERVED


class OwnerConverter:
    """The name of a team or user: not a word of our own addresses, which would hide a page or be hidden by one."""

    regex = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"

    def to_python(self, value: str) -> str:
        if value.lower() in RESERVED:
            raise ValueError(f"{value} is not the name of a team.")
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(OwnerConverter, "owner")
# How an address begins that is inside a team.
TEAM = "<owner:team>"
