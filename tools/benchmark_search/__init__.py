"""Times our search, and compares it with CTranslate2 and Marian."""
