"""The verbs of users."""

from django.db import transaction
from django.utils import timezone

from accounts import errors, former_names
from accounts.actor import Actor
from accounts.models import SERVER, User


@transaction.atomic
def create(username: str, password: str | None = None, email: str = "", is_superuser: bool = False) -> User:
    """A new user with a personal team of the same name. Without a password, the user cannot sign in with one.

    Raises `Invalid` for a name that is not allowed, `NameTaken` where a user or team has it, and `NameReserved` where
    it is kept for one that had it.
    """
    errors.check(User(username=username, email=email, password="not this one"))
    taken = errors.NameTaken(f"The name '{username}' is taken.")
    create_user = User.objects.create_superuser if is_superuser else User.objects.create_user
    with errors.refuse(user_username_unique=taken, user_username_folded=taken, team_name_unique=taken):
        user = create_user(username, email, password)
    former_names.claim(None, SERVER, username.lower(), user.personal_team.pk)
    return user


def change_password(actor: Actor, password: str) -> None:
    """Set the user's password. Sessions that were started with the old one end."""
    actor.user.set_password(password)
    actor.user.save(update_fields=["password"])


def hide_first_steps(actor: Actor) -> None:
    """Home has no list of first steps for the user any more."""
    User.objects.filter(pk=actor.user.pk, first_steps_hidden_at=None).update(first_steps_hidden_at=timezone.now())
