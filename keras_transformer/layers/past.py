"""What a decoder keeps of the past: keys and values that are never moved.

The W hypotheses of a sentence extend each other, and a search reorders them at
every step. Keys and values stay where they were written all the same: a table
of ancestors says in which of the W slots each hypothesis finds its past, and
attention reads all slots and is told which count. So a step reads what was
kept once and copies none of it from one hypothesis to another.

B batch   W hypotheses of a row   T positions kept   N key-value heads
K head_dim   D model_dim
"""

from typing import NamedTuple

from keras import ops

from keras_transformer.layers import checks, dot_product


class GrowingPast(NamedTuple):
    """A past that grows by one position at each step.

    ancestors: int32 `(B, W, T)`, the slot of each hypothesis's past.
    """

    ancestors: object

    def advance(self, position):
        """The past at `position`, where each hypothesis has its own slot."""
        own = _own_slots(self.ancestors)
        return GrowingPast(ops.concatenate([self.ancestors, own], axis=2))

    def write(self, kept, now, position):
        """Puts `now` (B, N, W, K) behind `kept` (B, N, T W, K)."""
        return ops.concatenate([kept, now], axis=2)

    def attention_bias(self, position):
        """What forbids, added to logits, slots of others: (B, 1, W, T W).

        `None` where there is nothing to forbid.
        """
        if self.ancestors.shape[1] == 1:
            return None
        return _bias(_is_ancestor(self.ancestors))

    def shape_at_all_steps(self, shape):
        """The shape of `ancestors`, or of what is kept, `None` what varies."""
        return (*shape[:2], None, *shape[3:])

    def check(self, position):
        """Raises ValueError unless `position` is the next one."""
        known = self.ancestors.shape[2]
        now = checks.known_int(position)
        if None not in (known, now) and now != known:
            raise ValueError(
                f"The state has {known} positions and grows by one. Received: "
                f"position={now}. Expected: position={known}."
            )


class FixedPast(NamedTuple):
    """A past of fixed shape, as XLA needs, with room for T positions.

    ancestors: int32 `(B, W, T)`, the slot of each hypothesis's past.
    """

    ancestors: object

    def advance(self, position):
        """See `GrowingPast`."""
        is_now = _is(position, self.ancestors)[None, None]
        own = _own_slots(self.ancestors)
        return FixedPast(ops.where(is_now, own, self.ancestors))

    def write(self, kept, now, position):
        """Writes `now` (B, N, W, K) at `position` of (B, N, T W, K)."""
        width, room = ops.shape(self.ancestors)[1:]
        is_now = ops.repeat(_is(position, self.ancestors), width)
        return ops.where(is_now[:, None], ops.tile(now, (1, 1, room, 1)), kept)

    def attention_bias(self, position):
        """See `GrowingPast`; what is not written yet is forbidden too."""
        slots = ops.arange(ops.shape(self.ancestors)[2], dtype="int32")
        is_past = (slots <= position)[None, None, :, None]
        return _bias(ops.logical_and(is_past, _is_ancestor(self.ancestors)))

    def shape_at_all_steps(self, shape):
        """See `GrowingPast`; here it is as it is."""
        return tuple(shape)

    def check(self, position):
        """Raises ValueError unless there is room for `position`."""
        room = self.ancestors.shape[2]
        now = checks.known_int(position)
        if None not in (room, now) and not 0 <= now < room:
            raise ValueError(
                f"The state has room for the positions 0 to {room - 1}. "
                f"Received: position={now}. Start with a larger max_length, or "
                "without one."
            )


def start(batch_size, max_length=None):
    """The past before the first step, of one hypothesis a row.

    Args:
        batch_size: B, an int or a scalar tensor.
        max_length: room for that many positions; `None` means that it grows.

    Raises:
        ValueError: `max_length` is below 1.
    """
    if max_length is None:
        return GrowingPast(ops.zeros((batch_size, 1, 0), dtype="int32"))
    longest = checks.known_int(max_length)
    if longest is not None:
        checks.check_size("max_length", longest)
    return FixedPast(ops.zeros((batch_size, 1, max_length), dtype="int32"))


def room(past, heads):
    """Makes room for the keys, or the values, of all positions of a past.

    Args:
        past: what `start` returned.
        heads: those of any positions, shape `(B, N, S, K)`.

    Returns:
        Zeros, shape `(B, N, T, K)`.
    """
    batch_size, num_heads, _, head_dim = ops.shape(heads)
    length = ops.shape(past.ancestors)[2]
    return ops.zeros(
        (batch_size, num_heads, length, head_dim), dtype=heads.dtype
    )


def widen(past, width):
    """Makes `width` hypotheses of each; see `widen_kept`.

    Raises:
        ValueError: `width` is below 1.
    """
    checks.check_size("width", width)
    ancestors = ops.repeat(past.ancestors * width, width, axis=1)
    return past._replace(ancestors=ancestors)


def widen_kept(kept, width):
    """Makes `width` slots of each in (B, N, T W, K)."""
    return ops.repeat(kept, width, axis=2)


def select(past, parents):
    """Lets hypothesis w of row b continue hypothesis `parents[b, w]`.

    Args:
        past: the past of W hypotheses.
        parents: integers `(B, W)`.

    Raises:
        ValueError: `parents` has another shape.
    """
    parents = ops.convert_to_tensor(parents)
    expected = past.ancestors.shape[:2]
    if len(parents.shape) != 2 or any(
        None not in pair and pair[0] != pair[1]
        for pair in zip(parents.shape, expected, strict=True)
    ):
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
    """What all blocks share at one step.

    position: int32 scalar.
    past: the past, this position included.
    attention_bias: forbids the slots of others, `(B, 1, W, T W)`, or `None`.
    query_positions: the position of the inputs, `(1,)`.
    key_positions: those of all slots, `(T W,)`.
    """

    position: object
    past: object
    attention_bias: object
    query_positions: object
    key_positions: object

    def write(self, kept, heads):
        """Keeps the keys and values of the inputs beside those of the past.

        Args:
            kept: the pair of keys and values of the past, `(B, N, T W, K)`.
            heads: the pair of those of the inputs, `(B, N, W, K)`.

        Returns:
            The pair of all.
        """
        return tuple(
            self.past.write(before, new, self.position)
            for before, new in zip(kept, heads, strict=True)
        )

    def shape(self, model_dim):
        """The shape of inputs, (B, W, D), with -1 for an unknown B."""
        batch_size, width = self.past.ancestors.shape[:2]
        return (-1 if batch_size is None else batch_size, width, model_dim)


def take_step(before, inputs, position):
    """Makes the `Step` of inputs (B, W, D) at `position`.

    Raises:
        ValueError: outside of a graph, a position that the past has no room
            for, or other rows or hypotheses than the past is of.
    """
    before.check(position)
    expected = tuple(before.ancestors.shape[:2])
    received = tuple(inputs.shape[:2])
    if any(
        None not in pair and pair[0] != pair[1]
        for pair in zip(expected, received, strict=True)
    ):
        raise ValueError(
            f"The state is of {expected[0]} rows, {expected[1]} hypotheses "
            f"each. Received: inputs of {received[0]} rows, {received[1]} "
            "each. Start with as many sources, and widen or gather the state."
        )
    position = ops.cast(position, "int32")
    now = before.advance(position)
    width, length = ops.shape(now.ancestors)[1:]
    return Step(
        position,
        now,
        now.attention_bias(position),
        query_positions=ops.reshape(position, (1,)),
        key_positions=ops.repeat(ops.arange(length, dtype="int32"), width),
    )


def _own_slots(ancestors):
    """Each hypothesis's own slot, (B, W, 1)."""
    batch_size, width = ops.shape(ancestors)[:2]
    own = ops.arange(width, dtype="int32")[None, :, None]
    return ops.broadcast_to(own, (batch_size, width, 1))


def _is(position, ancestors):
    slots = ops.arange(ops.shape(ancestors)[2], dtype="int32")
    return slots == position


def _is_ancestor(ancestors):
    """Which of all T W slots are a hypothesis's own past: (B, W, T, W)."""
    slots = ops.arange(ops.shape(ancestors)[1], dtype="int32")
    return ancestors[..., None] == slots


def _bias(is_allowed_BWTW):
    batch_size, width, length, slots = ops.shape(is_allowed_BWTW)
    bias = ops.where(is_allowed_BWTW, 0.0, dot_product.FORBIDDEN)
    return ops.reshape(bias, (batch_size, 1, width, length * slots))
