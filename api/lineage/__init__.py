"""What made a version, what was made from it, and what a change of it affects."""
