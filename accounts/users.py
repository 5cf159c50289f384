"""The verbs of users."""

import re
from typing import Any

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


def create_service_account(username: str, description: str = "") -> User:
    """A user for programs, without a password and a personal team. Part of `service_accounts.create`.

    Raises `Invalid` and `NameTaken`.
    """
    columns: dict[str, Any] = {"first_name": description, "is_service_account": True}
    errors.check(User(username=username, password="not this one", **columns))
    taken = errors.NameTaken(f"The name '{username}' is taken.")
    with errors.refuse(user_username_unique=taken, user_username_folded=taken):
        return User.objects.create_user(username, None, None, **columns)


def create_for_address(actor: Actor, email: str, is_superuser: bool = False) -> User:
    """A user for whoever has the e-mail address, with what stands before its `@` as the name, and without a password,
    which staff set. Raises `Denied` unless the actor may add users, and what `create` raises."""
    user = actor.user
    if not (user.is_superuser or (user.is_staff and user.has_perm("accounts.add_user") and not is_superuser)):
        raise errors.Denied("Only staff who may add users do this, and superusers alone make superusers.")
    if User.objects.filter(email__iexact=email).exists():
        raise errors.NameTaken(f"There is a user with the address {email} already.")
    return create(re.sub(r"[^A-Za-z0-9._-]", "-", email.partition("@")[0])[:64], None, email, is_superuser)


def change_password(actor: Actor, password: str) -> None:
    """Set the user's password. Sessions that were started with the old one end."""
    actor.user.set_password(password)
    actor.user.save(update_fields=["password"])


def hide_first_steps(actor: Actor) -> None:
    """Home has no list of first steps for the user any more."""
    User.objects.filter(pk=actor.user.pk, first_steps_hidden_at=None).update(first_steps_hidden_at=timezone.now())
