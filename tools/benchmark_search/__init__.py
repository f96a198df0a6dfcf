"""Times our search, and compares it with those of CTranslate2 and Marian."""
