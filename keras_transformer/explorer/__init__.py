"""Makes the explorer, an HTML page that shows how a model translates.

`save_page` writes the page. `save_figure` writes a figure of the attention of
one layer as an SVG or PNG file, without the page.
"""

from keras_transformer.explorer.article import ARTICLE
from keras_transformer.explorer.figures import FORMATS, KINDS, save_figure
from keras_transformer.explorer.saving import MOST_MEGABYTES, save_page

__all__ = [
    "ARTICLE",
    "FORMATS",
    "KINDS",
    "MOST_MEGABYTES",
    "save_figure",
    "save_page",
]
