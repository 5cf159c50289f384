"""One class a resource: find through `visible_to`, act by one verb, answer."""
