"""Times the search beside other engines."""
