"""Times the beam search of CTranslate2, or of Marian in transformers.

    python -m tools.benchmark_search.peers '{"engine": "ctranslate2", ...}'

`tools.benchmark_search` starts this program in a separate process, since these
libraries conflict with TensorFlow. The program needs CTranslate2, or PyTorch
and transformers, but not `keras_transformer`. Its argument, the job, is a JSON
object with the fields of `jobs.Job`. The program makes a model with random
weights, and searches once without measuring the time. Then it searches once for
each line of standard input, and prints the seconds; see `serving.serve`.
"""

import json
import sys
import tempfile

import numpy as np

from tools.engines import serving

# The ids of the padding and of the end token in both libraries' models.
_PAD, _END = 0, 1


def ctranslate2_search(job):
    """Returns a function that searches once, and the version of the library."""
    import ctranslate2
    from ctranslate2.specs import common_spec, transformer_spec

    spec = transformer_spec.TransformerSpec.from_config(
        (job["layers"], job["layers"]),
        job["num_heads"],
        pre_norm=False,
        activation=common_spec.Activation.RELU,
    )
    _fill_with_random_weights(spec, job)
    size = job["vocabulary_size"]
    tokens = ["<pad>", "</s>", "<unk>", *(f"t{i}" for i in range(3, size))]
    spec.register_source_vocabulary(tokens)
    spec.register_target_vocabulary(tokens)
    spec.config.eos_token, spec.config.unk_token = "</s>", "<unk>"
    spec.config.bos_token = spec.config.decoder_start_token = "<pad>"
    spec.validate()
    with tempfile.TemporaryDirectory() as directory:
        spec.save(directory)
        translator = ctranslate2.Translator(
            directory,
            compute_type=job["precision"],
            inter_threads=1,
            intra_threads=job["threads"],
        )
    sources = [[tokens[i] for i in row] for row in draw_sources(job, first=3)]
    length = job["target_length"]

    def search():
        translator.translate_batch(
            sources,
            beam_size=job["beam_size"],
            min_decoding_length=length,
            max_decoding_length=length,
        )

    return search, ctranslate2.__version__


def _fill_with_random_weights(spec, job):
    random = np.random.default_rng(0)
    dim, feed_forward = job["model_dim"], job["feed_forward_dim"]

    def draw(*shape):
        return random.normal(0, 0.02, shape).astype("float32")

    def fill_linear(spec, outputs, inputs):
        spec.weight, spec.bias = draw(outputs, inputs), draw(outputs)

    def fill_norm(spec):
        spec.gamma = np.ones(dim, "float32")
        spec.beta = np.zeros(dim, "float32")

    def fill_attention(spec, products):
        for linear, outputs in zip(spec.linear, products, strict=True):
            fill_linear(linear, outputs, dim)
        fill_norm(spec.layer_norm)

    def fill_feed_forward(spec):
        fill_linear(spec.linear_0, feed_forward, dim)
        fill_linear(spec.linear_1, dim, feed_forward)
        fill_norm(spec.layer_norm)

    positions = draw(max(job["source_length"], job["target_length"]) + 2, dim)
    size = job["vocabulary_size"]
    spec.encoder.embeddings[0].weight = draw(size, dim)
    spec.encoder.position_encodings.encodings = positions
    for layer in spec.encoder.layer:
        fill_attention(layer.self_attention, (3 * dim, dim))
        fill_feed_forward(layer.ffn)
    spec.decoder.embeddings.weight = draw(size, dim)
    spec.decoder.position_encodings.encodings = positions
    for layer in spec.decoder.layer:
        fill_attention(layer.self_attention, (3 * dim, dim))
        fill_attention(layer.attention, (dim, 2 * dim, dim))
        fill_feed_forward(layer.ffn)
    fill_linear(spec.decoder.projection, size, dim)


def marian_search(job):
    """Returns a function that searches once, and the version of the library."""
    import torch
    import transformers

    torch.set_num_threads(job["threads"])
    model = transformers.MarianMTModel(
        transformers.MarianConfig(
            vocab_size=job["vocabulary_size"],
            d_model=job["model_dim"],
            encoder_layers=job["layers"],
            decoder_layers=job["layers"],
            encoder_attention_heads=job["num_heads"],
            decoder_attention_heads=job["num_heads"],
            encoder_ffn_dim=job["feed_forward_dim"],
            decoder_ffn_dim=job["feed_forward_dim"],
            max_position_embeddings=1024,
            pad_token_id=_PAD,
            eos_token_id=_END,
            decoder_start_token_id=_PAD,
            forced_eos_token_id=None,
        )
    )
    model = model.to(getattr(torch, job["precision"])).eval()
    settings = transformers.GenerationConfig(
        num_beams=job["beam_size"],
        min_new_tokens=job["target_length"],
        max_new_tokens=job["target_length"],
        pad_token_id=_PAD,
        eos_token_id=_END,
        decoder_start_token_id=_PAD,
    )
    sources = torch.tensor(draw_sources(job, first=3))

    def search():
        model.generate(sources, generation_config=settings)

    return search, transformers.__version__


def draw_sources(job, first):
    """Draws the same source ids in each call: integers of at least `first`.

    Their shape is (`batch_size`, `source_length`), two fields of the job.
    """
    return np.random.default_rng(1).integers(
        first, job["vocabulary_size"], (job["batch_size"], job["source_length"])
    )


def main():
    job = json.loads(sys.argv[1])
    engines = {"ctranslate2": ctranslate2_search, "marian": marian_search}
    try:
        search, version = engines[job["engine"]](job)
    except ImportError as error:
        serving.serve_missing(error)
        return
    search()  # The first call is slower: it allocates buffers.
    serving.serve(serving.timed(search), {"version": version})


if __name__ == "__main__":
    main()
