"""A recipe for the 160,000 pairs of IWSLT14 German-English, as in fairseq."""

from trainers.recipes.recipe import Recipe, Stage

# The settings follow fairseq's example for IWSLT14, which trains the post-norm
# architecture transformer_iwslt_de_en.
RECIPE = Recipe(
    "IWSLT14 de-en, 160,000 pairs; fairseq reports 34.9 tokenized. Not "
    "trained here.",
    (
        Stage(
            "iwslt14",
            {
                "convention": "fairseq",
                "preset": "base",
                "num_heads": 4,
                "feed_forward_dim": 1024,
                "dropout": 0.3,
                # fairseq's example has a vocabulary for each language. Its flag
                # --share-decoder-input-output-embed ties the output projection
                # to the target embeddings.
                "tying": "target",
                "vocabulary_size": 8848,
                "target_vocabulary_size": 6632,
                # fairseq's Adam decays weights as AdamW does. But fairseq also
                # decays biases and norms, and our AdamW does not.
                "optimizer": "adamw",
                "weight_decay": 1e-4,
                "adam_epsilon": 1e-8,
                "schedule": "inverse_square_root",
                "learning_rate": 5e-4,
                "warmup_steps": 4000,
                "label_smoothing": 0.1,
                "tokens_per_batch": 4096,
                # The example does not say how many steps to train. 50,000
                # steps are about 50 epochs.
                "steps": 50_000,
                "evaluation_interval": 1000,
                "select_by": "bleu",
                "average_checkpoints": 5,
                # The example translates with this beam size.
                "beam_size": 5,
            },
        ),
    ),
)
