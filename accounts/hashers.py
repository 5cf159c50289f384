"""Password hashing, of which a process does little at once: each takes a core for most of a second."""

from threading import BoundedSemaphore

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from core import errors

MAX_AT_ONCE = 2
WAIT_SECONDS = 3.0
_slots = BoundedSemaphore(MAX_AT_ONCE)


class BoundedPBKDF2PasswordHasher(PBKDF2PasswordHasher):
    """Django's own, and the same hashes. Raises `Busy` where too many others wait."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        if not _slots.acquire(timeout=WAIT_SECONDS):
            raise errors.Busy("Too many sign-ins at once: try again in a moment.")
        try:
            return super().encode(password, salt, iterations)
        finally:
            _slots.release()
