"""Whether this server sends e-mail, or only writes it to the output of its processes."""

from django.conf import settings

_NOWHERE = {"django.core.mail.backends.console.EmailBackend", "django.core.mail.backends.dummy.EmailBackend"}


def is_configured() -> bool:
    """Whether a mail server is configured. Where none is, pages offer nothing that needs one."""
    return settings.EMAIL_BACKEND not in _NOWHERE
