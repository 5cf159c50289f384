"""Trees of records: hierarchies with labelled levels, and the records in them."""
