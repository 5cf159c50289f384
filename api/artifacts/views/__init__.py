"""One class per resource: find through `visible_to`, call one verb, respond."""
