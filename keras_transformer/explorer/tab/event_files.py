"""Finds event files that end in the middle of a record.

TensorBoard reads such a file up to there, and does not say so.
"""

import os
import pathlib
import struct
import time

# A file that was written to in these last seconds is still being written.
_QUIET_SECONDS = 60
# A record is its length in 8 bytes, 4 bytes of checksum, so many bytes, and 4
# bytes of checksum.
_HEADER, _FOOTER = 12, 4


class EventFiles:
    """The event files below a directory of logs.

    Args:
        log_dir: the directory that TensorBoard reads; `None`, or one that is
            not on this machine, has no files here.
    """

    def __init__(self, log_dir: str | None) -> None:
        self._log_dir = log_dir
        self._known: dict[tuple[str, int], bool] = {}

    def note(self, run: str) -> str | None:
        """Returns a sentence if a file of a run is not whole, else `None`.

        Args:
            run: the name of the run, as TensorBoard has it.
        """
        for path in self._files(run):
            status = path.stat()
            if time.time() - status.st_mtime < _QUIET_SECONDS:
                continue
            key = (str(path), status.st_size)
            if key not in self._known:
                self._known[key] = is_cut(path)
            if self._known[key]:
                return (
                    f"The event file {path.name} of the run {run} ends in the "
                    "middle of a record: what was written after it is missing."
                )
        return None

    def _files(self, run):
        if not self._log_dir:
            return []
        folder = pathlib.Path(self._log_dir) / run
        return [
            path
            for path in (sorted(folder.iterdir()) if folder.is_dir() else ())
            if "tfevents" in path.name and path.is_file()
        ]


def is_cut(path: str | os.PathLike[str]) -> bool:
    """Tells whether a file of records ends in the middle of one.

    Args:
        path: the file. Only the lengths of its records are read.
    """
    size = os.path.getsize(path)
    begin = 0
    with open(path, "rb") as file:
        while begin < size:
            file.seek(begin)
            header = file.read(_HEADER)
            if len(header) < _HEADER:
                return True
            (length,) = struct.unpack("<Q", header[:8])
            begin += _HEADER + length + _FOOTER
    return begin > size
