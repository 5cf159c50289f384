"""People: who may sign in."""

from accounts import errors
from accounts.actor import Actor
from accounts.models import User


def create(username: str, password: str | None = None, email: str = "", is_superuser: bool = False) -> User:
    """A new user with a personal team of the same name. Without a password, nobody can sign in by one.

    Raises `Invalid` for a name that is not allowed, `NameTaken` for one that a user or team has.
    """
    errors.check(User(username=username, email=email, password="not this one"))
    taken = errors.NameTaken(f"The name '{username}' is taken.")
    make = User.objects.create_superuser if is_superuser else User.objects.create_user
    with errors.refuse(user_username_unique=taken, user_username_folded=taken, team_name_unique=taken):
        return make(username, email, password)


def change_password(actor: Actor, password: str) -> None:
    """Give the user another password. Sessions that began with the old one are over."""
    actor.user.set_password(password)
    actor.user.save(update_fields=["password"])
