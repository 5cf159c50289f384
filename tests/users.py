"""The cast in a running stack: `manage.py shell` is given this, and prints everybody's API key."""

import json

from accounts import keys, teams, users
from accounts.models import Role

alice, bob, vera, mallory = (
    users.create(name, password=f"{name} has a long password") for name in ("alice", "bob", "vera", "mallory")
)
acme = teams.create(alice, "acme")
teams.add_member(alice, acme, bob, Role.EDITOR)
teams.add_member(alice, acme, vera, Role.VIEWER)
print(json.dumps({user.username: keys.create(user, "first key")[1] for user in (alice, bob, vera, mallory)}))
