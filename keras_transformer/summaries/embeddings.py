"""Writes token embeddings for TensorBoard's projector, with pieces as labels.

V vocabulary_size   D model_dim
"""

import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from keras_transformer.summaries import summary_callback

# At most this number of embeddings is written, because the projector is slow
# with more points. The first pieces are written, because SentencePiece puts
# frequent pieces first, after special tokens and bytes.
MOST_PIECES = 5000
# A `ProjectorConfig` of TensorBoard, as text.
_CONFIG = (
    "embeddings {",
    '  tensor_name: "token embeddings"',
    '  tensor_path: "embeddings.tsv"',
    '  metadata_path: "pieces.tsv"',
    "}",
)


class Embeddings(summary_callback.SummaryCallback):
    """Callback that writes token embeddings when training ends.

    The projector draws each piece as a point. After training, pieces with
    similar uses are near each other. Earlier files of embeddings in `log_dir`
    are replaced. If a file cannot be written, a warning says so.

    Args:
        log_dir: the directory that TensorBoard gets as `--logdir`, not a
            directory inside it.
        embeddings: a function that returns the current embeddings, `(V, D)`.
        pieces: the V pieces. Only the embeddings of the first 5000 are written.

    Example:

    >>> import numpy as np
    >>> from keras_transformer import summaries
    >>> callback = summaries.Embeddings(
    ...     "logs", lambda: np.eye(2), ["a", "cat"])

    Pass it to `model.fit(..., callbacks=[callback])`.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike,
        embeddings: Callable[[], np.ndarray],
        pieces: Sequence[str],
    ):
        super().__init__(log_dir)
        self._embeddings = embeddings
        self._pieces = list(pieces)[:MOST_PIECES]

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        super().on_train_end(logs)
        vectors_VD = np.asarray(self._embeddings())[: len(self._pieces)]
        folder = pathlib.Path(self._log_dir)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _write_lines(
                folder / "embeddings.tsv",
                (
                    "\t".join(f"{x:.4g}" for x in vector)
                    for vector in vectors_VD
                ),
            )
            _write_lines(
                folder / "pieces.tsv",
                (_one_line(piece) for piece in self._pieces),
            )
            _write_lines(folder / "projector_config.pbtxt", _CONFIG)
        except OSError as error:
            self.give_up(error)


def _write_lines(path, lines):
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)


def _one_line(piece):
    """Returns the label of a piece: one line that is not blank.

    A piece with a character that cannot be printed is written with escapes. A
    piece that is empty or has only spaces becomes `(empty)`.
    """
    if not piece.isprintable() or not piece.strip():
        escaped = piece.encode("unicode_escape").decode("ascii")
        return escaped.strip() or "(empty)"
    return piece
