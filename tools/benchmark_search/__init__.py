"""Times our search. Compares it with CTranslate2 and Marian in transformers."""
