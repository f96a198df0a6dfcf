"""A model that was read from another system, and its run directory."""

import dataclasses
import os
from typing import Any

import numpy as np

from keras_transformer import models, runs, text
from keras_transformer.interchange import unfinished, weight_shapes
from keras_transformer.models import config as configs


@dataclasses.dataclass(frozen=True)
class Imported:
    """A model that was read from another system.

    config: the architecture.
    weights: float32 arrays, by the paths of the weights of a `Transformer`, see
        `named_variables`.
    tokenizer: the tokenizer of the sources.
    target_tokenizer: the tokenizer of the targets; `None` if `tokenizer` is
        also the tokenizer of the targets.
    settings: settings of the search, as in `config.json` of a run.
    lengths: values of fields of `translation.Lengths`, by the fields' names.
    origin: facts about the system and its version, for `config.json`.
    """

    config: configs.TransformerConfig
    weights: dict[str, np.ndarray]
    tokenizer: text.TextTokenizer
    target_tokenizer: text.TextTokenizer | None
    settings: dict[str, Any]
    lengths: dict[str, Any]
    origin: dict[str, Any]

    def build(self) -> models.Transformer:
        """Makes the model with its weights.

        Raises:
            ValueError: the paths or shapes of `weights` do not fit the
                architecture.
        """
        expected = weight_shapes.weight_shapes(self.config)
        received = {name: each.shape for name, each in self.weights.items()}
        if received != expected:
            differing = sorted(
                set(received.items()) ^ set(expected.items()), key=repr
            )
            raise ValueError(
                "The weights are not those of the architecture. Received and "
                f"expected differ in {differing[:4]}. This is an error of the "
                "import, not of the files."
            )
        model = models.build_transformer(self.config)
        for name, variable in named_variables(model).items():
            variable.assign(self.weights[name])
        return model


def named_variables(model: models.Transformer) -> dict[str, Any]:
    """Returns a model's variables by their paths, without the model's name."""
    return {
        variable.path.split("/", 1)[1]: variable for variable in model.weights
    }


def write_run(imported: Imported, path: str | os.PathLike[str]) -> None:
    """Writes a run directory completely or, after an error, not at all.

    Args:
        imported: the model.
        path: the directory. If it exists, it must be empty.

    Raises:
        ValueError: `path` is a file or a directory with files, or the weights
            do not fit the architecture.
    """
    with unfinished.unfinished(path) as target:
        directory = runs.RunDirectory(target)
        directory.write_config(
            {
                "architecture": dataclasses.asdict(imported.config),
                "settings": imported.settings,
                "lengths": imported.lengths,
                "imported": imported.origin,
            }
        )
        imported.tokenizer.save(directory.tokenizer)
        if imported.target_tokenizer is not None:
            imported.target_tokenizer.save(directory.target_tokenizer)
        directory.replace_model(imported.build().save)
