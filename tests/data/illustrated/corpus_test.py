"""The splits, the contrast set and the referent measure are as documented.

The tests search the sentences with patterns of their own. They do not use the
tables of the generator.
"""

import collections
import hashlib
import os
import pathlib
import re
import subprocess
import sys

import pytest

from keras_transformer import data
from keras_transformer.data.illustrated import set_phrases
from tests import costs

_PLURALS = {"mouse": "mice", "goose": "geese", "wolf": "wolves", "fox": "foxes"}
_ACT = re.compile(
    r"The (\w+) (?:didn't )?(cross|climb|jump|enter|push)(?:e?d)? (?:over )?"
    r"the (\w+) because it was (?:too )?(\w+)\.",
)


def words(sentence):
    return re.findall(r"[\w-]+(?:'t)?", sentence.lower())


def digest(corpus):
    return hashlib.sha256(repr(tuple(corpus)).encode()).hexdigest()


class TestIllustratedCorpus:
    @classmethod
    def setup_class(cls):
        cls.corpus = data.illustrated_corpus()
        cls.pairs = [*cls.corpus.train, *cls.corpus.dev, *cls.corpus.test]

    def test_sizes_and_disjointness(self):
        sizes = [len(split) for split in self.corpus[:3]]
        assert sizes == [24000, 500, 500]
        # Training pairs have each set phrase many times.
        distinct = {*self.corpus.train}
        assert len(distinct) > 20000
        sources = [pair.source for pair in distinct]
        for split in self.corpus[1:]:
            sources += [example.source for example in split]
        # All sources differ, also between splits, so each has one target.
        assert len(set(sources)) == len(sources)

    @pytest.mark.parametrize("seed", costs.grid([0, 1, 2], keep=[0]))
    def test_set_phrases_are_in_training_and_nowhere_else(self, seed):
        corpus = data.illustrated_corpus(seed)
        phrases = {*set_phrases.PAIRS}
        times = collections.Counter(corpus.train)
        assert {p for p in times if times[p] > 1} == phrases
        assert min(times[phrase] for phrase in phrases) > 7
        sources = {phrase.source for phrase in phrases}
        for split in corpus[1:]:
            assert len(sources & {example.source for example in split}) == 0

    def test_few_training_pairs_begin_with_the_article(self):
        train = data.illustrated_corpus(train_size=23).train
        assert len(train) == 23
        assert train[0] == ("I am a student.", "Je suis étudiant.")
        assert train[20] == ("Thanks.", "Merci.")
        assert len({*train}) == 23
        assert len(data.illustrated_corpus(train_size=0).train) == 0

    def test_seeds_differ(self):
        other = data.illustrated_corpus(seed=1, train_size=0)
        assert other.dev != self.corpus.dev
        assert other.contrast[2:] != self.corpus.contrast[2:]
        assert other.contrast[:2] == self.corpus.contrast[:2]

    @pytest.mark.grid
    @pytest.mark.process
    def test_deterministic_in_another_process(self):
        # The parent packages are replaced by empty ones: their import would
        # bring TensorFlow, which the corpus does not need.
        root = pathlib.Path(data.__file__).parents[2]
        script = f"""
import importlib, hashlib, sys, types
for name in ("keras_transformer", "keras_transformer.data"):
    package = types.ModuleType(name)
    package.__path__ = [{str(root)!r} + "/" + name.replace(".", "/")]
    sys.modules[name] = package
module = importlib.import_module("keras_transformer.data.illustrated.corpus")
corpus = module.illustrated_corpus()
print(hashlib.sha256(repr(tuple(corpus)).encode()).hexdigest())
"""
        found = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": "12345"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert found.stdout.strip() == digest(self.corpus)

    @pytest.mark.parametrize("sizes", [{"train_size": 10**6}, {"dev_size": -1}])
    def test_impossible_sizes(self, sizes):
        ((name, size),) = sizes.items()
        with pytest.raises(
            ValueError,
            match=rf"Received: .*{name}={size}.*Expected: .*Ask for fewer",
        ):
            data.illustrated_corpus(**sizes)

    def test_contrast_does_not_depend_on_the_sizes(self):
        small = data.illustrated_corpus(train_size=7, dev_size=3, test_size=2)
        assert [len(s) for s in small[:3]] == [7, 3, 2]
        assert small.contrast == self.corpus.contrast

    def test_contrast_pairs_are_minimal(self):
        contrast = self.corpus.contrast
        assert len(contrast) >= 400
        genders = collections.Counter()
        for index, (one, other) in enumerate(
            zip(contrast[::2], contrast[1::2], strict=True)
        ):
            assert (one.pair_index, other.pair_index) == (index, index)
            first, second = one.source.split(), other.source.split()
            assert first[:-1] == second[:-1]
            assert first[-1] != second[-1]
            assert {one.pronoun, other.pronoun} == {"il", "elle"}
            for example in (one, other):
                assert f" parce qu'{example.pronoun} était " in example.target
            genders[one.pronoun] += 1
        # Either pronoun may come first, so the order tells nothing.
        assert 0.3 <= genders["il"] / len(contrast[::2]) <= 0.7

    def test_the_illustrated_sentence(self):
        first, second = self.corpus.contrast[:2]
        assert first[:3] == (
            "The animal didn't cross the street because it was too tired.",
            "L'animal n'a pas traversé la rue parce qu'il était trop fatigué.",
            "il",
        )
        assert second[:3] == (
            "The animal didn't cross the street because it was too wide.",
            "L'animal n'a pas traversé la rue parce qu'elle était trop large.",
            "elle",
        )

    def contrast_acts(self):
        """(agent, verb, object, adjective) of each contrast sentence."""
        for example in self.corpus.contrast:
            plain = re.sub("^(Yesterday|This morning), the", "The", example[0])
            yield _ACT.fullmatch(plain).groups()

    def test_contrast_nouns_meet_nowhere_else(self):
        combinations = {(a, o) for a, _, o, _ in self.contrast_acts()}
        assert len(combinations) > 25
        assert ("animal", "street") in combinations
        sentences_of = collections.defaultdict(set)
        for number, pair in enumerate(self.pairs):
            for word in words(pair.source):
                sentences_of[word].add(number)
        for combination in combinations:
            agent, thing = (
                sentences_of[noun]
                | sentences_of[_PLURALS.get(noun, noun + "s")]
                | sentences_of[noun + "es"]
                for noun in combination
            )
            assert len(agent) > 0
            assert len(thing) > 0
            assert len(agent & thing) == 0, combination

    def test_contrast_words_are_seen_with_others(self):
        seen = collections.Counter()
        for pair in self.corpus.train:
            act = _ACT.fullmatch(pair.source)
            if act:
                pronoun = "elle" if "qu'elle " in pair.target else "il"
                agent, verb, thing, adjective = act.groups()
                for place, word in enumerate((agent, verb, thing, adjective)):
                    seen[place, word, pronoun] += 1
        for act in set(self.contrast_acts()):
            for place, word in enumerate(act):
                for pronoun in ("il", "elle"):
                    assert seen[place, word, pronoun] > 5, (word, pronoun)


class TestReferentAccuracy:
    EXAMPLES = [
        data.ContrastExample("", "Il dort parce qu'il était vieux.", "il", 0),
        data.ContrastExample("", "Il dort parce qu'elle était là.", "elle", 0),
    ]

    def test_right_and_swapped(self):
        targets = [example.target for example in self.EXAMPLES]
        assert data.referent_accuracy(self.EXAMPLES, targets) == 1.0
        swapped = targets[::-1]
        assert data.referent_accuracy(self.EXAMPLES, swapped) == 0.0
        same = targets[:1] * 2
        assert data.referent_accuracy(self.EXAMPLES, same) == 0.5

    @pytest.mark.parametrize(
        ("hypothesis", "expected"),
        [
            ("PARCE QU'IL dort", 1.0),
            ("parce  qu’ il dort", 1.0),
            ("elle dort parce qu'il dort", 1.0),
            ("", 0.0),
            ("il dort", 0.0),
            ("parce que il dort", 0.0),
            ("parce qu'ils dorment", 0.0),
            ("parce qu'illustre", 0.0),
            ("parce qu'il dort et parce qu'elle dort", 0.0),
        ],
    )
    def test_hypotheses(self, hypothesis, expected):
        found = data.referent_accuracy(self.EXAMPLES[:1], [hypothesis])
        assert found == expected

    @pytest.mark.parametrize(
        ("num_examples", "num_translations"), [(2, 1), (1, 2), (0, 0)]
    )
    def test_lengths_must_agree(self, num_examples, num_translations):
        with pytest.raises(
            ValueError,
            match=rf"Received: {num_examples} examples, {num_translations} "
            rf"trans.*"
            "Expected: .*Translate exactly",
        ):
            data.referent_accuracy(
                self.EXAMPLES[:num_examples], [""] * num_translations
            )
