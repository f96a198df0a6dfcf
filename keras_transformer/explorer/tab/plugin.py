"""A plugin of TensorBoard that serves the files and the data of a tab.

The tab shows traces. A trace is the record of what a model computes for one
sentence.
"""

from collections.abc import Callable
from typing import Any

from tensorboard import plugin_util
from tensorboard.plugins import base_plugin

from keras_transformer.explorer import page
from keras_transformer.explorer.tab import answers, event_files, series
from keras_transformer.summaries import trace_summary

_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}
_ENTRY = "/tab/main.js"


class TransformerPlugin(base_plugin.TBPlugin):
    """The plugin for the tab "Transformer" of TensorBoard.

    TensorBoard shows the tab as soon as a run has traces.

    Args:
        context: the context that TensorBoard gives, with the directory of the
            logs and the loaded data.
    """

    plugin_name = trace_summary.PLUGIN

    def __init__(self, context: base_plugin.TBContext) -> None:
        self._series = series.Series(context.data_provider)
        self._files = event_files.EventFiles(context.logdir)

    def is_active(self) -> bool:
        """Returns False, so that TensorBoard hides a tab without data.

        TensorBoard calls this method only while no data of the tab is loaded.
        """
        return False

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        """Returns the name of the tab, and the path of its entry module.

        TensorBoard loads this JavaScript module when it opens the tab.
        """
        return base_plugin.FrontendMetadata(
            es_module_path=_ENTRY, tab_name="Transformer"
        )

    def get_plugin_apps(self) -> dict[str, Callable[..., Any]]:
        """Returns a dict from paths to the WSGI applications that respond.

        Each JavaScript or CSS file of the folder `front_end` has a path of its
        own, such as "/tab/main.js". So a request cannot read any other file.
        """
        files = {
            "/" + path.relative_to(page.FRONT_END).as_posix(): _server_of(path)
            for path in sorted(page.FRONT_END.rglob("*"))
            if path.suffix in _TYPES
        }
        return {
            **files,
            "/runs": answers.application(self._runs),
            "/steps": answers.application(self._steps),
            "/trace": answers.application(self._trace),
        }

    def _runs(self, query, environ):
        """Responds with the series of all runs, see `series.Series.listed`.

        The response also has a note, or `None`, on the event files of each run.
        """
        del query
        context, experiment = _experiment(environ)
        runs = self._series.listed(context, experiment)
        notes = {run: self._files.note(run) for run in runs}
        return answers.of_json({"runs": runs, "notes": notes})

    def _steps(self, query, environ):
        """Responds with the steps of a series, see `series.Series.points`.

        If there is no such series, the status is 404.
        """
        points = self._points(query, environ)
        if points is None:
            return _no_such()
        return answers.of_json({"steps": [point.step for point in points]})

    def _trace(self, query, environ):
        """Responds with the trace of a sentence at a step.

        If the trace cannot be read, the response says why. If there is no such
        trace, the status is 404.
        """
        for point in self._points(query, environ) or []:
            if str(point.step) == query.get("step"):
                try:
                    return answers.Answer(series.unpacked(point.packed))
                except ValueError as error:
                    return answers.of_json({"problem": str(error)})
        return _no_such()

    def _points(self, query, environ):
        run, tag = query.get("run", ""), query.get("tag", "")
        context, experiment = _experiment(environ)
        try:
            return self._series.points(context, experiment, run, tag)
        except KeyError:
            return None


def _experiment(environ):
    """Returns the context and the experiment id of a TensorBoard request."""
    return plugin_util.context(environ), plugin_util.experiment_id(environ)


def _server_of(path):
    """Returns the application that serves one file."""
    answer = answers.Answer(path.read_bytes(), _TYPES[path.suffix])
    return answers.application(lambda query, environ: answer)


def _no_such():
    problem = "There is no trace of this run, sentence and step."
    return answers.of_json({"problem": problem}, code=404)
