"""What a stack needs before it starts but tables, and its users: `manage.py shell` is given this, and prints all keys.

One process does it all, for to start one takes longer than most of what it does.
"""

import json

from django.core.management import call_command

from accounts import invitations, keys, teams, users
from accounts.actor import Actor
from accounts.models import Role

call_command("collectstatic", verbosity=0, interactive=False)
call_command("prepare_store")

alice, bob, vera, mallory = (
    users.create(name, password=f"{name} has a long password") for name in ("alice", "bob", "vera", "mallory")
)
acme = teams.create(Actor(alice), "acme")
for user, role in ((bob, Role.EDITOR), (vera, Role.VIEWER)):
    invitations.accept_own(Actor(user), invitations.invite_user(Actor(alice), acme, user.username, role))
print(json.dumps({user.username: keys.create(Actor(user), "first key")[1] for user in (alice, bob, vera, mallory)}))
