"""Copies a project of a server that the official `wandb` client speaks to: its runs, artifacts and what ties them."""
