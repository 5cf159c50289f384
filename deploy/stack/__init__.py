"""The server as a team runs it, on one machine from one command, `make stack`: `python -m deploy.stack` starts it."""
