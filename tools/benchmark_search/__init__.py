"""Times the search, and compares it with other engines."""
