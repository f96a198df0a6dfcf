"""The table of signatures, and the choice of signatures."""

import pytest

from keras_transformer.export import contract


class TestChosen:
    def test_all_in_the_order_of_the_table(self):
        assert contract.chosen(None) == (
            "serving_default",
            "n_best",
            "score",
            "attention",
        )

    def test_the_default_is_always_there(self):
        assert contract.chosen([]) == ("serving_default",)
        assert contract.chosen(["score", "n_best"]) == (
            "serving_default",
            "n_best",
            "score",
        )

    def test_confidence_needs_a_calibration(self):
        assert contract.chosen(None, is_calibrated=True)[-1] == "confidence"
        with pytest.raises(ValueError, match="confidence needs a calibration"):
            contract.chosen(["confidence"])

    def test_names_what_is_unknown(self):
        with pytest.raises(
            ValueError,
            match="Received: beams, nbest. Expected names among "
            "serving_default, n_best, score, attention",
        ):
            contract.chosen(["nbest", "score", "beams"])
