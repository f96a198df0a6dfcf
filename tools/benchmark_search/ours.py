"""Runs the searches of keras_transformer that the benchmark times."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

import keras_transformer as kt
from tools.benchmark_search import jobs
from tools.engines import keras_fit, serving
from tools.model_flags import training_sizes

_START, _END, _PAD = 1, 2, 0
# The sizes of the shortlist: the number of frequent tokens, which every row may
# use, and the number of likely tokens of a source token. Both are defaults of
# `learn_shortlist`.
_FREQUENT, _LIKELY = 2000, 20


def make_search(job: jobs.Job) -> Callable[[], None]:
    """Returns a function without arguments that searches once.

    The function raises ValueError if a translation has fewer tokens than the
    `target_length` of the job.

    Args:
        job: the search, with an engine of `jobs.OURS`.
    """
    whole = _make_model(job)
    shortlisted = kt.translation.Shortlisted(whole, _draw_shortlist(job))
    sources = _draw_sources(job)
    is_compiled = job.engine == jobs.XLA
    searches = kt.search.GreedySearch()
    if job.beam_size > 1:
        searches = kt.search.BeamSearch(beam_size=job.beam_size)

    def search(source_ids):
        model = whole
        if job.engine == jobs.SHORTLIST:
            model = shortlisted.of_batch(source_ids)
        task = kt.search.Task(
            batch_size=source_ids.shape[0] or tf.shape(source_ids)[0],
            max_lengths=job.target_length,
            start_id=_START,
            end_id=_END,
            pad_id=_PAD,
            min_lengths=job.target_length,
            states=model,
        )
        # XLA needs a decoding state of a fixed shape.
        max_length = job.target_length if is_compiled else None
        state = model.start(source_ids, max_length=max_length)
        return searches(model.stepper(), state, task)

    if is_compiled:
        graph = tf.function(search, jit_compile=True)
    else:
        graph = tf.function(
            search, input_signature=[tf.TensorSpec([None, None], tf.int32)]
        )

    def run():
        result = graph(sources)
        if int(tf.reduce_min(result.lengths)) != job.target_length:
            raise ValueError(
                "The search wrote fewer tokens than the job asks for."
            )

    return run


def _make_model(job):
    # Our model has post-norm and all biases, because the models of the other
    # libraries have them.
    config = training_sizes.config_of(job, normalization="post", biases="all")
    return kt.build_transformer(config, dtype=job.precision)


def _draw_shortlist(job):
    """Draws the likely tokens of each source token at random.

    In real text, tokens repeat in a batch and share likely tokens. So the
    shortlist of a batch of real text is smaller than here.
    """
    size = job.vocabulary_size
    return kt.translation.Shortlist(
        is_frequent=np.arange(size) < min(_FREQUENT, size),
        likely=np.random.default_rng(2).integers(
            0, size, (size, _LIKELY), dtype="int32"
        ),
        is_known=np.ones(size, bool),
    )


def _draw_sources(job):
    return tf.constant(
        np.random.default_rng(1).integers(
            _END + 1,
            job.vocabulary_size,
            (job.batch_size, job.source_length),
            dtype="int32",
        )
    )


def serve(job: jobs.Job, profile: str | None = None) -> None:
    """Searches once at each request of the benchmark, and prints the seconds.

    `serving.serve` defines the requests. `peers` answers the same requests for
    the other libraries. Before the first request, the search runs twice without
    being timed, and once more with `profile`.

    Args:
        job: the search, with an engine of `jobs.OURS`.
        profile: directory for a TensorBoard profile of one search; `None` for
            no profile.
    """
    keras_fit.use_threads(job.threads)
    search = make_search(job)
    search()  # The first call traces the graph, and with XLA compiles it.
    search()
    if profile:
        with tf.profiler.experimental.Profile(profile):
            search()
    serving.serve(serving.timed(search), {"version": kt.__version__})
