"""Examples of docstrings and documents run; names in documents exist."""

import dataclasses
import doctest
import functools
import gc
import importlib
import os
import pathlib
import pkgutil
import re
import subprocess
import sys

import mypy.api
import numpy as np
import pytest
from absl import flags

import keras_transformer
import tools
import trainers
from tests.tools import in_process

ROOT = pathlib.Path(__file__).parent.parent
FEWER_LAYERS = (
    "=tokenizer.vocabulary_size, num_encoder_layers=1, num_decoder_layers=1"
)
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


# Packages that only programs use, to compare with them or to serve models.
OPTIONAL = {"keras_hub", "torch", "ray"}


def modules():
    """Yields all modules of the packages that have docstring examples."""
    for package in (keras_transformer, trainers, tools):
        for info in pkgutil.walk_packages(
            package.__path__, f"{package.__name__}."
        ):
            try:
                yield importlib.import_module(info.name)
            except ModuleNotFoundError as error:
                if error.name not in OPTIONAL:
                    raise


def code_blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def prose(document: pathlib.Path) -> str:
    """Returns a document without its blocks of code."""
    return re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)


def anchors(document: pathlib.Path) -> set[str]:
    """Returns the anchors that GitHub makes of the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE)
    return {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


def documents_with_python() -> list[pathlib.Path]:
    return [d for d in DOCUMENTS if code_blocks(d.read_text(), "python")]


def run_the_classifier() -> dict:
    """Runs the program of docs/layers.md; returns its global variables."""
    [block] = [
        block
        for block in code_blocks(
            (ROOT / "docs/layers.md").read_text(), "python"
        )
        if not block.startswith(">>>")
    ]
    names = {}
    exec(compile(block, "layers.md", "exec"), names)
    return names


@functools.cache
def flags_of(module: str) -> set[str]:
    """Returns the flags of a program, with `no...` forms and `help`."""
    if module == "tools.oldest_requirements":
        return set()
    values = flags.FlagValues()
    in_process.program_of(module).define_flags(values)
    off = {f"no{name}" for name in values if values[name].boolean}
    return {"help", *values, *off}


class TestDocuments:
    # The import of Ray causes this warning.
    @pytest.mark.filterwarnings(
        "ignore:Using extra keyword arguments on `Field`:DeprecationWarning"
    )
    @pytest.mark.seconds
    def test_docstring_examples(self):
        failures, examples = [], 0
        for module in modules():
            # Keras's `quantize` collects garbage after each layer. It need not
            # visit the objects of earlier modules.
            gc.collect()
            gc.freeze()
            result = doctest.testmod(
                module, optionflags=doctest.ELLIPSIS, report=True
            )
            examples += result.attempted
            if result.failed:
                failures.append(module.__name__)
        assert failures == []
        assert examples > 50

    @pytest.fixture(autouse=True)
    def in_a_folder(self, tmp_path, monkeypatch):
        self.folder = tmp_path
        monkeypatch.chdir(tmp_path)

    # `quantize` warns of layers that it does not change; see docs/layers.md.
    @pytest.mark.grid
    @pytest.mark.seconds
    @pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize`")
    def test_examples_of_documents(self):
        # All blocks with a prompt in a document are one session.
        attempted = 0
        for document in documents_with_python():
            blocks = code_blocks(document.read_text(), "python")
            session = "".join(b for b in blocks if b.startswith(">>>"))
            test = doctest.DocTestParser().get_doctest(
                session, {}, document.name, str(document), 0
            )
            runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
            gc.collect()
            gc.freeze()
            runner.run(test)
            assert runner.summarize().failed == 0, document
            attempted += len(test.examples)
        assert attempted > 80

    def test_excerpts_are_in_their_files(self):
        found = 0
        for document in DOCUMENTS:
            for path, excerpt in re.findall(
                r"```python (\S+)\n(.*?)```", document.read_text(), re.DOTALL
            ):
                assert excerpt in (ROOT / path).read_text(), document
                found += 1
        assert found > 7

    @pytest.mark.grid
    @pytest.mark.seconds
    def test_classifier_of_the_encoder_alone(self):
        names = run_the_classifier()
        # An accuracy of 0.8 is easy: four of five labels are 0.
        assert names["accuracy"] > 0.95
        assert names["same"]

    # Only in the grid: `conformance_test.py` loads each layer in a process.
    @pytest.mark.grid
    @pytest.mark.process
    def test_the_classifier_in_a_process_that_has_made_none_of_its_layers(self):
        names = run_the_classifier()
        np.savez("classifier.npz", texts=names["texts"][:7])
        code = (
            "import keras, numpy as np, keras_transformer\n"
            "model = keras.models.load_model('classifier.keras')\n"
            "texts = np.load('classifier.npz')['texts']\n"
            "np.save('answers.npy', model.predict(texts, verbose=0))\n"
        )
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        np.testing.assert_allclose(
            np.load("answers.npy"),
            names["model"].predict(names["texts"][:7], verbose=0),
            atol=1e-6,
        )

    @pytest.mark.seconds
    def test_readme_python_runs(self, monkeypatch):
        # Tracing signatures takes seconds; `saved_model_test.py` tests them.
        monkeypatch.setattr(
            keras_transformer.export,
            "save",
            functools.partial(keras_transformer.export.save, signatures=[]),
        )
        blocks = code_blocks((ROOT / "README.md").read_text(), "python")
        assert len(blocks) >= 1
        for block in blocks:
            # The program runs with fewer sentences, epochs and layers.
            for old, new in (
                ("illustrated_corpus()", "illustrated_corpus(train_size=997)"),
                ("epochs=4", "epochs=1"),
                ("=tokenizer.vocabulary_size", FEWER_LAYERS),
            ):
                assert block.count(old) == 1, old
                block = block.replace(old, new)
            names = {}
            exec(compile(block, "README.md", "exec"), names)
            assert isinstance(names["translations"][0], str)
            assert (self.folder / "saved_model/1").is_dir()

    @pytest.mark.grid
    @pytest.mark.seconds
    def test_readme_python_is_well_typed(self, monkeypatch):
        monkeypatch.chdir(ROOT)
        blocks = code_blocks((ROOT / "README.md").read_text(), "python")
        program = self.folder / "program.py"

        def checked(text):
            program.write_text(text)
            return mypy.api.run([str(program)])[0]

        # A line that is wrong on purpose shows that types are compared.
        text = "\n".join(blocks)
        *errors, last = checked(text + "kt.Tokenizer(7)\n").splitlines()
        assert last.startswith("Found 1 error"), errors
        line = len(text.splitlines()) + 1
        assert f"program.py:{line}: error: " in errors[0]
        assert "incompatible type" in errors[0]

    def test_links_pictures_and_anchors_exist(self):
        links, links_to_headings = 0, 0
        for document in DOCUMENTS:
            for link in re.findall(r"\]\(([^)]+)\)", prose(document)):
                if ":" in link:
                    continue  # A web or mail address.
                path, _, anchor = link.partition("#")
                target = document.parent / path if path else document
                message = f"{document}: {link}"
                assert target.exists(), message
                links += 1
                if anchor:
                    assert anchor in anchors(target), message
                    links_to_headings += 1
        assert links > 20
        assert links_to_headings > 3

    def test_programs_and_flags_exist(self):
        found = 0
        for document in DOCUMENTS:
            text = document.read_text().replace("\\\n", " ")
            for name, asked in re.findall(
                r"python -m ((?:trainers|tools)\.\w+)([^\n]*)", text
            ):
                known = flags_of(name)
                for flag in re.findall(r"--(\w+)", asked):
                    assert flag in known, f"{document}: {name}"
                    found += 1
        assert found > 50

    def test_every_field_of_the_settings_is_documented(self):
        from trainers import settings

        text = (ROOT / "docs/training.md").read_text()
        for field in dataclasses.fields(settings.TrainingSettings):
            # A field without help is recorded and is not a flag.
            if "help" in field.metadata:
                assert f"`--{field.name}`" in text
