"""Makes classes of optimizers whose learning rate differs between variables."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf


def with_rates(
    optimizer_class: type[keras.optimizers.Optimizer],
    factor_of: Callable[[str], float],
) -> type[keras.optimizers.Optimizer]:
    """Makes an optimizer class with a rate factor for each variable.

    The factor multiplies the learning rate of a variable, but not the weight
    decay. With the factor 0, the gradient does not change the variable.

    Args:
        optimizer_class: a class of Keras optimizers.
        factor_of: a function from the path of a variable to its factor.

    Returns:
        A subclass of `optimizer_class`.

    Example:

    >>> variables = [keras.Variable([1.0], name=name) for name in "ab"]
    >>> make = with_rates(keras.optimizers.SGD, {"a": 0.5, "b": 1.0}.get)
    >>> make(1.0).apply([keras.ops.ones(1)] * 2, variables)
    >>> [float(variable[0]) for variable in variables]
    [0.5, 0.0]
    """

    class WithRates(optimizer_class):
        """An optimizer whose learning rate has a factor for each variable."""

        def build(self, variables: Sequence[keras.Variable]) -> None:
            super().build(variables)
            # Each variable has several keys, because `update_step` may get the
            # Keras variable, its TensorFlow variable, or the copy of a
            # distributed variable on one replica.
            self._factors = {
                id(copy): factor_of(variable.path)
                for variable in variables
                for copy in (variable, variable.value, *_copies(variable.value))
            }

        def update_step(
            self, gradient: Any, variable: Any, learning_rate: Any
        ) -> None:
            factor = self._factors[id(variable)]
            super().update_step(gradient, variable, learning_rate * factor)

    return WithRates


def _copies(variable):
    if isinstance(variable, tf.distribute.DistributedValues):
        return variable.values
    return ()
