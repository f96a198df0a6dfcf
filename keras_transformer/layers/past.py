"""The cached keys and values of a decoder, each in a fixed slot.

A search reorders its W hypotheses at every step. Cached keys and values
nevertheless stay in the slot where they were written. A table of ancestors
says, for each hypothesis and position, which of the W slots the hypothesis
reads. Attention logits are computed for all slots. For each hypothesis, an
attention bias excludes the slots that the hypothesis does not read. So a step
reads the cache once, and copies no keys and values from one hypothesis to
another.

B batch   W hypotheses of a row, and slots of a position   T positions
N key-value heads   K head_dim   D model_dim   T W: one size, T times W
"""

from typing import NamedTuple, TypeAlias

from keras import ops

from keras_transformer.layers import checks, dot_product
from keras_transformer.layers.typing import Shape, Tensor


class GrowingPast(NamedTuple):
    """A table of ancestors that grows by one position at each step.

    The cached keys and values are not in it; `write` gets and returns them.

    ancestors: int32 `(B, W, T)`, the slot that each hypothesis reads at each
        position.
    """

    ancestors: Tensor

    def advance(self, position: Tensor) -> "GrowingPast":
        """Makes hypothesis w read slot w at the next position.

        Args:
            position: not used, because it is always the next position.

        Returns:
            The new past, with T + 1 positions.
        """
        own = _own_slots(self.ancestors)
        return GrowingPast(ops.concatenate([self.ancestors, own], axis=2))

    def write(self, cached: Tensor, new: Tensor, position: Tensor) -> Tensor:
        """Appends keys or values of the last position to the cached ones.

        Args:
            cached: keys or values of the T - 1 earlier positions, shape
                `(B, N, (T - 1) W, K)`.
            new: keys or values of the last position, `(B, N, W, K)`.
            position: not used, because it is always the last position.

        Returns:
            Shape `(B, N, T W, K)`.
        """
        return ops.concatenate([cached, new], axis=2)

    def attention_bias(self, position: Tensor) -> Tensor | None:
        """Returns the bias that excludes slots that a hypothesis does not read.

        Args:
            position: not used.

        Returns:
            Shape `(B, 1, W, T W)`; `None` if a row has one hypothesis.
        """
        if self.ancestors.shape[1] == 1:
            return None
        return _bias(_is_ancestor(self.ancestors))

    def shape_at_all_steps(self, shape: Shape) -> Shape:
        """Returns a shape with `None` for the size that grows at each step.

        Args:
            shape: the shape of `ancestors`, or of cached keys or values.
        """
        return (*shape[:2], None, *shape[3:])

    def check(self, position: Tensor) -> None:
        """Checks that `position` is the next position.

        Raises:
            ValueError: `position` is not the next position. A value that is
                known only when a graph runs is not checked.
        """
        known = self.ancestors.shape[2]
        now = checks.known_int(position)
        if None not in (known, now) and now != known:
            raise ValueError(
                f"The state has {known} positions and grows by one. Received: "
                f"position={now}. Expected: position={known}."
            )


class FixedPast(NamedTuple):
    """A table of ancestors of fixed shape, as XLA needs, for T positions.

    The cached keys and values are not in it; `write` gets and returns them.

    ancestors: int32 `(B, W, T)`, the slot that each hypothesis reads at each
        position.
    """

    ancestors: Tensor

    def advance(self, position: Tensor) -> "FixedPast":
        """Returns a past in which hypothesis w reads slot w at `position`."""
        is_now = _is_position(position, self.ancestors)[None, None]
        own = _own_slots(self.ancestors)
        return FixedPast(ops.where(is_now, own, self.ancestors))

    def write(self, cached: Tensor, new: Tensor, position: Tensor) -> Tensor:
        """Puts `new` (B, N, W, K) at `position` of `cached` (B, N, T W, K)."""
        width, length = ops.shape(self.ancestors)[1:]
        is_now = ops.repeat(_is_position(position, self.ancestors), width)
        everywhere = ops.tile(new, (1, 1, length, 1))
        return ops.where(is_now[:, None], everywhere, cached)

    def attention_bias(self, position: Tensor) -> Tensor:
        """Returns the bias that excludes slots, shape `(B, 1, W, T W)`.

        For each hypothesis, the bias excludes the slots that the hypothesis
        does not read. It also excludes all slots of the positions after
        `position`, because these slots are not written yet.
        """
        positions_T = ops.arange(ops.shape(self.ancestors)[2], dtype="int32")
        is_past = (positions_T <= position)[None, None, :, None]
        return _bias(ops.logical_and(is_past, _is_ancestor(self.ancestors)))

    def shape_at_all_steps(self, shape: Shape) -> Shape:
        """Returns `shape` unchanged: it is the same at all steps."""
        return tuple(shape)

    def check(self, position: Tensor) -> None:
        """Checks that there are slots for `position`.

        Raises:
            ValueError: there are no slots. If the position, or the number of
                positions, is known only when a graph runs, nothing is checked.
        """
        length = self.ancestors.shape[2]
        now = checks.known_int(position)
        if length is None or now is None:
            return
        if not 0 <= now < length:
            raise ValueError(
                f"The state has room for the positions 0 to {length - 1}. "
                f"Received: position={now}. Start with a larger max_length, or "
                "without max_length."
            )


Past: TypeAlias = GrowingPast | FixedPast


def start(batch_size: Tensor, max_length: Tensor | None = None) -> Past:
    """Makes the past before the first step, with one hypothesis of each row.

    Args:
        batch_size: B, an int or a scalar tensor.
        max_length: the number of positions that have slots, an int or a scalar
            tensor; with `None` the past grows.

    Raises:
        ValueError: `max_length` is below 1. A value that is known only when a
            graph runs is not checked.
    """
    if max_length is None:
        return GrowingPast(ops.zeros((batch_size, 1, 0), dtype="int32"))
    known_length = checks.known_int(max_length)
    if known_length is not None:
        checks.check_size("max_length", known_length)
    return FixedPast(ops.zeros((batch_size, 1, max_length), dtype="int32"))


def empty_slots(past: Past, heads: Tensor) -> Tensor:
    """Makes the slots for the keys, or for the values, of all positions.

    Args:
        past: the past that `start` returned, of T positions. If the past
            grows, T is 0, so there are no slots yet.
        heads: keys or values, `(B, N, S, K)`; only B, N, K and the dtype are
            used.

    Returns:
        Zeros, shape `(B, N, T, K)`.
    """
    batch_size, num_heads, _, head_dim = ops.shape(heads)
    length = ops.shape(past.ancestors)[2]
    return ops.zeros(
        (batch_size, num_heads, length, head_dim), dtype=heads.dtype
    )


def widen(past: Past, width: int) -> Past:
    """Replaces each hypothesis by `width` copies, side by side.

    `widen_cached` does the same for cached keys and values.

    Raises:
        ValueError: `width` is below 1.
    """
    checks.check_size("width", width)
    ancestors = ops.repeat(past.ancestors * width, width, axis=1)
    return past._replace(ancestors=ancestors)


def widen_cached(cached: Tensor, width: int) -> Tensor:
    """Repeats each slot of (B, N, T W, K) `width` times."""
    return ops.repeat(cached, width, axis=2)


def select(past: Past, parents: Tensor) -> Past:
    """Lets hypothesis w of row b continue hypothesis `parents[b, w]`.

    Args:
        past: a past with W hypotheses of each row.
        parents: integers `(B, W)`, indices of hypotheses of the same row.

    Raises:
        ValueError: `parents` has another shape.
    """
    parents = ops.convert_to_tensor(parents)
    expected = past.ancestors.shape[:2]
    if len(parents.shape) != 2 or not _may_be_equal(parents.shape, expected):
        raise ValueError(
            "`parents` has one number for each hypothesis, shape (B, W). "
            f"Received: shape={tuple(parents.shape)}. Expected: "
            f"{tuple(expected)}."
        )
    batch_size, width, length = ops.shape(past.ancestors)
    first = ops.arange(batch_size, dtype="int32")[:, None] * width
    flat = ops.reshape(past.ancestors, (batch_size * width, length))
    return past._replace(
        ancestors=ops.take(flat, first + ops.cast(parents, "int32"), axis=0)
    )


class Step(NamedTuple):
    """The data of one decoding step, which all blocks share.

    position: int32 scalar.
    past: the past, in which `position` has slots.
    attention_bias: the result of `past.attention_bias`, `(B, 1, W, T W)`, or
        `None`.
    query_positions: the position of the inputs, `(1,)`.
    key_positions: the position of each slot, `(T W,)`.
    """

    position: Tensor
    past: Past
    attention_bias: Tensor | None
    query_positions: Tensor
    key_positions: Tensor

    def write(
        self, cached: tuple[Tensor, Tensor], heads: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Adds the keys and values of the inputs to the cache.

        Args:
            cached: the cached keys and values, each `(B, N, T W, K)`; if the
                past grows, `(B, N, (T - 1) W, K)`, because the inputs have no
                slots yet.
            heads: the keys and values of the inputs, each `(B, N, W, K)`.

        Returns:
            The pair of all keys and all values, each `(B, N, T W, K)`.
        """
        (cached_keys, cached_values), (keys, values) = cached, heads
        return (
            self.past.write(cached_keys, keys, self.position),
            self.past.write(cached_values, values, self.position),
        )

    def shape(self, model_dim: int) -> tuple[int, int, int]:
        """Returns the shape of inputs, (B, W, D), with -1 for an unknown B."""
        batch_size, width = self.past.ancestors.shape[:2]
        return (-1 if batch_size is None else batch_size, width, model_dim)


def take_step(past: Past, inputs: Tensor, position: Tensor) -> Step:
    """Makes the `Step` of inputs (B, W, D) at `position`.

    Args:
        past: the past before this step.
        inputs: shape `(B, W, D)`.
        position: the position of the inputs, a scalar, counted from 0.

    Raises:
        ValueError: the position does not fit the past, or the inputs have
            another number of rows or hypotheses than the past. Values that are
            known only when a graph runs are not checked.
    """
    past.check(position)
    expected = tuple(past.ancestors.shape[:2])
    received = tuple(inputs.shape[:2])
    if not _may_be_equal(expected, received):
        raise ValueError(
            f"The state has {expected[0]} rows of {expected[1]} hypotheses. "
            f"Received: inputs of {received[0]} rows of {received[1]}. Start "
            "with the same number of sources, and change the state by `widen`, "
            "`select` or `take_rows`."
        )
    position = ops.cast(position, "int32")
    past = past.advance(position)
    width, length = ops.shape(past.ancestors)[1:]
    return Step(
        position,
        past,
        past.attention_bias(position),
        query_positions=ops.reshape(position, (1,)),
        key_positions=ops.repeat(ops.arange(length, dtype="int32"), width),
    )


def _may_be_equal(shape, other):
    """Returns whether two shapes are equal; an unknown size fits every size."""
    return all(
        None in sizes or sizes[0] == sizes[1]
        for sizes in zip(shape, other, strict=True)
    )


def _own_slots(ancestors):
    """Returns slot w for each hypothesis w, (B, W, 1)."""
    batch_size, width = ops.shape(ancestors)[:2]
    own = ops.arange(width, dtype="int32")[None, :, None]
    return ops.broadcast_to(own, (batch_size, width, 1))


def _is_position(position, ancestors):
    """Marks `position` among all T positions: boolean (T,)."""
    positions_T = ops.arange(ops.shape(ancestors)[2], dtype="int32")
    return positions_T == position


def _is_ancestor(ancestors):
    """Marks [b, w, t, v] if hypothesis w reads slot v at position t."""
    slots = ops.arange(ops.shape(ancestors)[1], dtype="int32")
    return ancestors[..., None] == slots


def _bias(is_allowed_BWTW):
    batch_size, width, length, slots = ops.shape(is_allowed_BWTW)
    bias = ops.where(is_allowed_BWTW, 0.0, dot_product.FORBIDDEN)
    return ops.reshape(bias, (batch_size, 1, width, length * slots))
