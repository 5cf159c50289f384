"""Files of a version whose bytes stay where they are: in somebody's store, or on a web server."""
