"""Names in URLs, and how the URLs begin that are inside a team, a project, an artifact,
a version, a hierarchy of records."""

from django.urls import register_converter

from accounts.validators import RESERVED


class TeamConverter:
    """The name of a team or user: not a word of our own URLs, which would hide a page or be hidden by one."""

    regex = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"

    def to_python(self, value: str) -> str:
        if value.lower() in RESERVED:
            raise ValueError(f"{value} is not the name of a team.")
        return value

    def to_url(self, value: str) -> str:
        return value


class VersionConverter:
    """`v3`, so that a version is told from the tabs of its artifact; or the id of a draft without a number."""

    regex = "v(?:0|[1-9][0-9]{0,8})|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class UlidConverter:
    """The id of a record, in upper or lower case, so that it is told from the pages of its hierarchy."""

    regex = "[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}"

    def to_python(self, value: str) -> str:
        return value.upper()

    def to_url(self, value: str) -> str:
        return value


register_converter(TeamConverter, "team")
register_converter(UlidConverter, "ulid")
register_converter(VersionConverter, "version")

TEAM = "<team:team>"
PROJECT = f"{TEAM}/<str:project>"
ARTIFACT = f"{PROJECT}/artifacts/<str:type>/<str:name>"
VERSION = f"{ARTIFACT}/<version:version>"
HIERARCHY = f"{PROJECT}/records/<str:hierarchy>"
RECORD = f"{HIERARCHY}/<ulid:record_id>"
