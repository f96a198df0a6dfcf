"""The ids that carry no text, the same in every vocabulary made here."""

PAD_ID = 0  # Fills up short rows.
BOS_ID = 1  # What the decoder reads first.
EOS_ID = 2  # Ends every source and every target.
UNK_ID = 3  # Never produced: unknown characters become their UTF-8 bytes.
