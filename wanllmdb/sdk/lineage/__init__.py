"""What a version was made from, and what was made from it: its graph, what it affects, and how both are recorded."""
