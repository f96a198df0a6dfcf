"""A curve has the same values in the page and in Python."""

import numpy as np
import pytest

from keras_transformer.translation import isotonic

pytestmark = [pytest.mark.browser, pytest.mark.process]
CURVES = (
    isotonic.Curve((-3.0, -1.0, 0.5), (0.125, 0.25, 0.875)),
    isotonic.Curve((-2.0, 0.0), (0.0, 1.0)),
    isotonic.Curve((2.0,), (0.5,)),
    isotonic.Curve((-1.0, -1.0, 0.0, 0.0), (0.0, 0.25, 0.5, 1.0)),
)


@pytest.mark.parametrize("curve", CURVES)
def test_heights(front_end, curve):
    values = [-1e9, *np.arange(-4.0, 4.0, 0.125), *curve.x, 1e9]
    heights = front_end.evaluate(
        """async ([curve, values]) => {
            const { heightAt } = await import("/engine/isotonic.js");
            return values.map((value) => heightAt(curve, value));
        }""",
        [curve._asdict(), values],
    )
    np.testing.assert_allclose(heights, curve.at(values), rtol=1e-14)
