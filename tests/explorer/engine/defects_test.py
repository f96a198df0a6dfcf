"""The page and Python flag the same sequences and lengths."""

import numpy as np
import pytest
import tensorflow as tf

from keras_transformer.translation import defects
from tests.translation import defects_test as of_python

pytestmark = [pytest.mark.browser, pytest.mark.process]


def test_loops(front_end):
    generator = np.random.default_rng(2)
    rows = [
        *of_python.made_up_loops(),
        [],
        [5],
        [5, 5, 5, 7],
        [5, 5, 5, 5],
        [1, 5, 6, 5, 6, 5, 7],
        [1, 5, 6, 5, 6, 5, 6, 7],
        [5, 6, 7, 5, 6, 7, 5],
        # Repeated parts of 32 tokens, which is the longest part that counts,
        # and of 33 tokens.
        *([*range(size), *range(size)] for size in (32, 33)),
        [*range(32), *range(31)],
        # Only two letters, so nearly all of these rows are repetitions.
        *(
            generator.integers(0, 2, generator.integers(1, 9)).tolist()
            for _ in range(200)
        ),
    ]
    rows = [[int(each) for each in row] for row in rows]
    expected = of_python.have_loops(rows)
    assert 50 < sum(expected) < len(rows) - 50
    assert expected == front_end.evaluate(
        """async (rows) => {
            const { hasLoop } = await import("/engine/defects.js");
            return rows.map(hasLoop);
        }""",
        rows,
    )


@pytest.mark.parametrize(
    "model",
    [
        defects.LengthModel(1.0, 0.0),
        defects.LengthModel(1.1, 0.2),
        # The limits of this model are whole numbers.
        defects.LengthModel(1.5, 0.5),
    ],
)
def test_lengths(front_end, model):
    pairs = [[s, t] for s in range(41) for t in range(70)]
    source, target = zip(*pairs, strict=True)
    expected = model.are_unusual(tf.constant(source), tf.constant(target))
    expected = expected.numpy().tolist()
    assert 0 < sum(expected) < len(pairs)
    assert expected == front_end.evaluate(
        """async ([model, pairs]) => {
            const { isUnusualLength } = await import("/engine/defects.js");
            return pairs.map(([s, t]) => isUnusualLength(model, s, t));
        }""",
        [model._asdict(), pairs],
    )
