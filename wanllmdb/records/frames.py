"""Data frames as JSON, and as bytes that lose nothing."""
