"""Sources: from which versions a version was derived without a run, said when it is created."""
