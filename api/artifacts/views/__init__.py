"""One class for each resource: load the object, call one verb, respond."""
