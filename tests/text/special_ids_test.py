"""The ids are part of every saved vocabulary and model: they may not move."""

import sentencepiece
import tensorflow as tf

from keras_transformer.text import special_ids, vocabulary


class SpecialIdsTest(tf.test.TestCase):
    def test_are_the_first_four(self):
        self.assertEqual(
            (
                special_ids.PAD_ID,
                special_ids.BOS_ID,
                special_ids.EOS_ID,
                special_ids.UNK_ID,
            ),
            (0, 1, 2, 3),
        )

    def test_sentencepiece_knows_them_by_these_ids(self):
        processor = sentencepiece.SentencePieceProcessor(
            model_proto=vocabulary.learn_vocabulary(
                ["a cat", "un chat"], may_be_smaller=True
            )
        )
        self.assertEqual(processor.pad_id(), special_ids.PAD_ID)
        self.assertEqual(processor.bos_id(), special_ids.BOS_ID)
        self.assertEqual(processor.eos_id(), special_ids.EOS_ID)
        self.assertEqual(processor.unk_id(), special_ids.UNK_ID)


if __name__ == "__main__":
    tf.test.main()
