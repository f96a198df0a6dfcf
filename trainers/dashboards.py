"""Makes the callbacks that write to TensorBoard, except the one for BLEU.

Only the chief, the worker that writes files, has these callbacks. TensorBoard
follows only the newest event file of a directory, so each callback that writes
an event file has its own directory. Tags with the same part before the first
`/` form a group.
"""

import dataclasses
import re
from collections.abc import Callable

import keras
import numpy as np

import keras_transformer as kt
from keras_transformer.layers import sinusoids
from trainers import components, training_progress

# The two translations of The Illustrated Transformer. The article translates
# from French to English, and here English is the source.
_ARTICLE = (
    kt.data.SentencePair("I am a student.", "Je suis étudiant."),
    kt.data.SentencePair("Thanks.", "Merci."),
)
# Sentences whose attention is drawn if the corpus is the built-in one: the
# example of The Illustrated Transformer, where "it" refers to the animal, and a
# variant where "it" refers to the street.
_ILLUSTRATED = (
    "The animal didn't cross the street because it was too tired.",
    "The animal didn't cross the street because it was too wide.",
)
# The sentences that the tab Transformer of TensorBoard shows if the corpus is
# the built-in one, and the user gave no --trace_sentences.
ILLUSTRATED_SENTENCES = (*_ILLUSTRATED, *(pair.source for pair in _ARTICLE))
# The Illustrated Transformer shows position encodings of these two forms in two
# figures. Here one image shows both forms. The image has 20 positions, and is
# 328 pixels wide.
_POSITION_FORMS = ("tensor2tensor", "paper")
_NUM_POSITIONS, _CARD = 20, 328
# The names of the settings that the tab HParams of TensorBoard shows.
_HYPER_PARAMETERS = (
    *("preset", "recipe", "num_encoder_layers", "num_decoder_layers"),
    *("model_dim", "num_heads", "feed_forward_dim", "vocabulary_size"),
    *("dropout", "label_smoothing", "optimizer", "schedule", "learning_rate"),
    *("learning_rate_factor", "warmup_steps", "weight_decay", "steps"),
    *("tokens_per_batch", "precision", "seed"),
)
_GROUP = re.compile(r"(?:^|/)(encoder|decoder)/(?:block_(\d+)/)?")


def callbacks(
    run: components.Components,
    translator: kt.Translator,
    dev: list[kt.data.SentencePair],
    progress: training_progress.TrainingProgress,
) -> list[keras.callbacks.Callback]:
    """Returns the callbacks of the chief that write to TensorBoard.

    Args:
        run: the components of the run.
        translator: a translator with the current weights.
        dev: the development pairs that are translated at each evaluation. The
            translations of the first three are shown. If the corpus is not the
            built-in one, the attention of the first source is drawn.
        progress: the callback that measures the speed of the run.
    """
    logs, is_built_in = run.directory.logs, run.settings.is_built_in
    texts = list(_ILLUSTRATED) if is_built_in else [dev[0].source]
    explain = _once_a_step(
        run, lambda text: kt.translation.explain(translator, text)
    )
    return [
        *_once(run),
        kt.summaries.SampleTranslations(
            logs / "translations",
            [*(_ARTICLE if is_built_in else ()), *dev[:3]],
            translator.translate,
            scores={"chrF (0 to 100)": _chrf},
        ),
        kt.summaries.AttentionImages(logs / "attention", texts, explain),
        *_traces(run, translator),
        kt.summaries.Scalars(
            logs / "train", lambda values: _of_training(run, values, progress)
        ),
        kt.summaries.Scalars(logs / "validation", _of_validation),
        kt.summaries.Scalars(
            logs / "entropy",
            lambda values: _entropies([explain(text) for text in texts]),
        ),
        kt.summaries.UpdateRatios(logs / "updates", _group_of),
    ]


def sentences(run: components.Components) -> list[str]:
    """Returns the sentences that the tab Transformer of TensorBoard shows.

    The result is empty if the user gave no sentences and the corpus is not the
    built-in one.

    Args:
        run: the components of the run.
    """
    if run.settings.trace_sentences or not run.settings.is_built_in:
        return list(run.settings.trace_sentences)
    return list(ILLUSTRATED_SENTENCES)


def _traces(run, translator):
    texts = sentences(run)
    if not texts:
        return []
    return [
        kt.summaries.Traces(
            run.directory.logs / "traces",
            texts,
            kt.interpretation.Tracer(translator),
        )
    ]


def _once(run):
    """Returns the callbacks that write only when training begins or ends."""
    logs = run.directory.logs
    vocabulary = run.tokenizers.target or run.tokenizers.source
    settings = {
        **dataclasses.asdict(run.settings),
        **dataclasses.asdict(run.architecture),
    }
    return [
        kt.summaries.StaticSummaries(
            logs / "model",
            figures={
                "transformer/positions": lambda: _positions(run.architecture)
            },
            texts={"transformer/architecture": _architecture(run)},
        ),
        kt.summaries.HyperParameters(
            logs, {name: settings[name] for name in _HYPER_PARAMETERS}
        ),
        kt.summaries.Embeddings(
            logs,
            lambda: _embeddings(run.model),
            vocabulary.pieces(range(vocabulary.vocabulary_size)),
        ),
    ]


def _embeddings(model):
    """Returns the target embeddings, `(vocabulary size, model_dim)`."""
    return keras.ops.convert_to_numpy(model.target_embedding.embeddings)


def _once_a_step(run, explain) -> Callable:
    """Wraps `explain`, so that it explains a text at most once in each step."""
    kept: dict[str, kt.translation.Explanation] = {}
    at_step = None

    def explain_once(text):
        nonlocal at_step
        if at_step != run.checkpoints.step:
            kept.clear()
            at_step = run.checkpoints.step
        if text not in kept:
            kept[text] = explain(text)
        return kept[text]

    return explain_once


def _chrf(translation, reference):
    _, chrf = kt.translation.corpus_metrics()
    return chrf.corpus_score([translation], [[reference]]).score


def _of_training(run, values, progress):
    optimizer = run.model.optimizer
    tokens, padding = progress.throughput()
    numbers = {
        "evaluation/loss": values.get("loss"),
        "evaluation/token_accuracy": values.get("token_accuracy"),
        "optimization/gradient_norm": values.get("gradient_norm"),
        "optimization/learning_rate": keras.ops.convert_to_numpy(
            optimizer.learning_rate
        ),
        "throughput/target_tokens_per_second": tokens,
        "throughput/padding_share": padding,
    }
    return {
        tag: float(value) for tag, value in numbers.items() if value is not None
    }


def _of_validation(values):
    return {
        f"evaluation/{name}": float(values[f"val_{name}"])
        for name in ("loss", "token_accuracy")
        if f"val_{name}" in values
    }


def _entropies(explanations):
    """Returns a dict from tags to attention entropies.

    There is one tag for each kind of attention in each layer. Its entropy is
    the mean over the explained sentences.
    """
    entropies = [
        kt.summaries.attention_entropies(each) for each in explanations
    ]
    return {
        f"head_entropy/{name}": float(
            np.mean([each[name] for each in entropies])
        )
        for name in entropies[0]
    }


def _group_of(path):
    """Returns the name of the part of the model to which a weight belongs.

    The part is a block, or else a stack, or else a layer outside of the stacks.

    >>> _group_of("transformer/encoder/block_2/attention/query/kernel")
    'encoder_2'
    >>> _group_of("transformer/encoder/final_norm/gamma")
    'encoder'
    >>> _group_of("transformer/embedding/embeddings")
    'embedding'
    """
    match = _GROUP.search(path)
    if match is None:
        return path.split("/")[-2]
    return "_".join(filter(None, match.groups()))


def _positions(architecture):
    dim = architecture.model_dim - architecture.model_dim % 2
    positions = np.arange(_NUM_POSITIONS)
    return kt.summaries.position_figure(
        {
            form: np.asarray(
                sinusoids.sinusoidal_encoding(positions, dim, form)
            )
            for form in _POSITION_FORMS
        },
        _CARD,
    )


def _architecture(run):
    """Returns two tables in Markdown.

    The first has the number of trainable parameters of each part of the model,
    see `_group_of`, and of the whole model. The second has the fields of the
    architecture.
    """
    counts: dict[str, int] = {}
    for variable in run.model.trainable_variables:
        group = _group_of(variable.path)
        counts[group] = counts.get(group, 0) + int(np.prod(variable.shape))
    counts["all"] = sum(counts.values())
    rows = [(name, f"{count:,}") for name, count in counts.items()]
    fields = dataclasses.asdict(run.architecture)
    return (
        f"{kt.summaries.table(['part', 'parameters'], rows)}\n\n"
        f"{kt.summaries.table(['field', 'value'], fields.items())}"
    )
