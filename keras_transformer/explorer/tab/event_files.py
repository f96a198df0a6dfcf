"""Finds event files that end in the middle of a record.

TensorBoard reads such a file up to that record, and shows no warning.
"""

import os
import pathlib
import struct
import time

# A file that changed in the last `_QUIET_SECONDS` is not checked, because its
# last record may not be complete yet.
_QUIET_SECONDS = 60
# A record is a header (the length of the data in 8 bytes, and a checksum of 4
# bytes), the data, and a footer (a checksum of 4 bytes).
_HEADER, _FOOTER = 12, 4


class EventFiles:
    """The event files below a directory of logs.

    Args:
        log_dir: the directory that TensorBoard reads. If it is `None` or not
            on this machine, no file is checked.
    """

    def __init__(self, log_dir: str | None) -> None:
        self._log_dir = log_dir
        self._known: dict[tuple[str, int], bool] = {}

    def note(self, run: str) -> str | None:
        """Returns a warning if an event file of a run is cut, else `None`.

        A file is cut if it ends in the middle of a record. A file that changed
        in the last minute is not checked.

        Args:
            run: the name of the run in TensorBoard, which is the path of its
                directory below `log_dir`.
        """
        for path in self._files(run):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
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
    """Returns whether a file of records ends in the middle of a record.

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
