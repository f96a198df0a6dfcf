"""Python functions that call the engine in a browser."""

import json

import numpy as np

_CREATE = """
async (data) => {
  const { createEngine } = await import("/engine/engine.js");
  window.engine = createEngine(JSON.parse(data));
}
"""
_TRACE = """
([text, options]) => {
  const trace = window.engine.trace(text, options);
  for (const array of Object.values(trace.arrays)) {
    array.values = Array.from(array.values);
  }
  return JSON.stringify(trace);
}
"""


class Engine:
    """The engine in a page, created from the data of a model."""

    def __init__(self, page, data):
        self.page = page
        page.evaluate(_CREATE, json.dumps(data))

    def trace(self, text, **options):
        """Returns a trace with NumPy arrays."""
        trace = json.loads(self.page.evaluate(_TRACE, [text, options]))
        trace["arrays"] = {
            name: np.reshape(
                np.asarray(array["values"], "float32"), array["shape"]
            )
            for name, array in trace["arrays"].items()
        }
        return trace

    def translate(self, text, search=None):
        return self.page.evaluate(
            "([text, search]) => window.engine.translate(text, "
            "search ?? undefined)",
            [text, search],
        )

    def translate_all(self, texts, search):
        """Returns the best translation of each text."""
        return self.page.evaluate(
            "([texts, search]) => texts.map("
            "(text) => window.engine.translate(text, search)[0].text)",
            [texts, search],
        )

    def tokenize(self, text):
        return self.page.evaluate(
            "(text) => window.engine.tokenize(text)", text
        )
