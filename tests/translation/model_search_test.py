"""The task of a search has the limits of each row, and the banned ids."""

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer import search
from keras_transformer.translation import lengths, model_search
from tests.assertions import assert_all_equal

SIZE = 293
PAD, START, END = 0, 1, 2


class Endless(search.RowStates):
    """A model that repeats the first source token and never ends."""

    pad_id, start_id = PAD, START

    def start(self, source_ids, max_length=None):
        return {"first": source_ids[:, 0]}

    def stepper(self, return_attention=False):
        def step(ids, position, state):
            return 20 * tf.one_hot(state["first"], SIZE), state

        return step


def make(kind=search.GreedySearch, limits=None, **settings):
    return model_search.ModelSearch(
        Endless(), kind(**settings), limits or lengths.Lengths(), END
    )


class TestModelSearch:
    def test_length_limit_is_each_rows_own(self):
        source_ids = tf.constant([[7, 2, 0, 0, 0], [11, 13, 17, 19, 2]])
        endless = make()
        result = endless(source_ids)
        assert_all_equal(result.lengths[:, 0], [2 + 50, 5 + 50])
        assert_all_equal(result.ids[0, 0, :52], 52 * [7])
        assert_all_equal(result.ids[0, 0, 52:], 3 * [0])
        limits = lengths.Lengths(ratio=3.0, extra=1)
        other = make(limits=limits)
        result = other(source_ids)
        assert_all_equal(result.lengths[:, 0], [7, 16])
        result = make()(source_ids, max_length=11)
        assert_all_equal(result.lengths[:, 0], [11, 11])

    def test_xla_compiles_for_a_shape_and_not_for_each_batch(self):
        # XLA must know the shape of the result from the shape of the ids. It
        # could not if the shape depended on the values of the ids.
        def compile_search(searches):
            @tf.function(
                input_signature=[tf.TensorSpec([2, 5], tf.int32)],
                jit_compile=True,
            )
            def find(ids):
                return searches(ids, max_length=11)

            return find

        source_ids = tf.constant([[7, 2, 0, 0, 0], [11, 13, 17, 19, 2]])
        for kind in (search.GreedySearch, search.BeamSearch):
            find = compile_search(make(kind))
            lowered = find.experimental_get_compiler_ir(
                tf.TensorSpec([2, 5], tf.int32)
            )
            assert "s32[2," in lowered(stage="hlo")
            assert find(source_ids).ids.shape[-1] == 11

    def test_shortest_length_is_the_larger_of_both(self):
        # A source that begins with the end token has a translation that ends at
        # once.
        source_ids = tf.constant([[2, 0, 0], [2, 5, 2]])
        for limits, least, expected in (
            ({}, 0, [1, 1]),
            ({"minimum": 3}, 2, [3, 3]),
            ({"minimum": 2}, 3, [3, 3]),
            ({"minimum_ratio": 1.0}, 2, [2, 3]),
        ):
            chosen = make(
                limits=lengths.Lengths(**limits),
                constraints=search.Constraints(min_length=least),
            )
            found = chosen(source_ids)
            assert_all_equal(found.lengths[:, 0], expected)

    def test_padding_and_start_are_never_taken(self):
        # The model repeats its first source token. Here this is the start
        # token, and then a banned token.
        chosen = make(constraints=search.Constraints(banned_ids=(5,)))
        found = chosen(tf.constant([[START], [5], [7]]))
        for row, token in enumerate((START, 5)):
            assert token not in found.ids[row, 0].numpy()
        assert_all_equal(found.ids[2, 0, :51], 51 * [7])
        # If the start id is also the end id, the search may choose it.
        chosen.model.start_id = END
        try:
            found = chosen(tf.constant([[END]]))
            assert_all_equal(found.lengths, [[1]])
        finally:
            del chosen.model.start_id

    def test_prefix(self):
        source_ids = tf.constant([[7, 2], [11, 2]])
        prefix = tf.constant([[5, 6, 8], [9, 0, 0]])
        found = make()(source_ids, prefix)
        assert_all_equal(found.ids[0, 0, :5], [5, 6, 8, 7, 7])
        assert_all_equal(found.ids[1, 0, :5], [9, 11, 11, 11, 11])
        make().check_prefix(source_ids, prefix)
        short = make(limits=lengths.Lengths(maximum=2))
        with pytest.raises(ValueError, match="3 tokens, and a maximum of 2"):
            short.check_prefix(source_ids, prefix)
        found = short(source_ids, prefix[:, :2])
        assert_all_equal(found.ids[:, 0], [[5, 6], [9, 11]])

    def test_the_ids_are_those_of_the_model_and_the_vocabulary(self):
        """The padding is 7, the end 0 and the start 5: no id is a constant."""

        class Other(Endless):
            pad_id, start_id = 7, 5

        seen = []

        def record(step, state, task):
            seen.append(task)
            return search.GreedySearch()(step, state, task)

        other = model_search.ModelSearch(
            Other(), record, lengths.Lengths(ratio=1.0, extra=1), 0
        )
        # The task bans the padding id and the start id.
        record.needs_attention = False
        found = other(tf.constant([[3, 11, 0], [2, 0, 7], [1, 7, 7]]))
        [task] = seen
        assert (task.pad_id, task.start_id, task.end_id) == (7, 5, 0)
        assert task.banned_ids == (5, 7)
        assert_all_equal(
            found.ids[:, 0], [[3, 3, 3, 3], [2, 2, 2, 7], [1, 1, 7, 7]]
        )

    def test_keys_are_of_the_ids(self):
        def keys_of(ids):
            ids = tf.constant(ids, tf.int32)
            return model_search._row_keys(ids, ids != PAD).numpy()

        ids = np.random.default_rng(0).integers(3, SIZE, [997, 7])
        keys = keys_of(ids)
        # Two of 997 random rows have the same of 2^31 keys only with a
        # probability of 1 in 4,000.
        assert np.unique(keys).size == 997
        assert_all_equal(keys_of(np.pad(ids, [[0, 0], [0, 11]])), keys)
        # The same words in another order have another key.
        assert (keys_of(ids[:, ::-1]) == keys).sum() < 3
        assert ((0 <= keys) & (keys < 2**31)).all()
