"""The exceptions of this package.

A GAN that diverges or collapses raises none of them: that is an outcome, recorded with the results.
"""


class GanStudyError(Exception):
    """Base class of every error that is reported in one message; only its subclasses are raised.

    The CLI prints the message without a traceback and exits with `exit_code`. Any other exception is a bug.
    """

    exit_code = 1


class InputError(GanStudyError):
    """Wrong user input (a study file, an override, a name, an address), or a ledger file that cannot be used.

    The message is one sentence that opens with the path of the wrong key, or with the name or file that is wrong:
    `conditions.wgan.constraint.clip_value: must be > 0, but is -0.01`. The CLI exits 2.
    """

    exit_code = 2


class DamagedError(InputError):
    """Something in a ledger, an archive or a download that is not what this project wrote there.

    place   path or address of it
    reason  finding, as in "is a folder" or "its checksum is wrong"
    """

    def __init__(self, place: object, reason: str):
        self.place, self.reason = str(place), reason
        super().__init__(
            f"{self.place}: is damaged or foreign ({reason}); to repair the ledger, use gan-study doctor --mend, then "
            "gan-study run, which repeats what was lost"
        )


class HungCode(InputError):
    """A call of a user's code took longer than `limits.code_seconds` before a study, or a trial, started.

    place    file and line, as in "my_module.py, line 12"
    seconds  the limit; None if it is not known here
    """

    def __init__(self, place: str, seconds: float | None = None):
        limit = "limits.code_seconds" if seconds is None else f"limits.code_seconds = {seconds:g}"
        super().__init__(f"{place}: must end within {limit}, but still runs; it hangs, or needs a larger limit")


class CrashedCode(InputError):
    """A call of a user's code ended its process before a study started.

    place   file and line, as in "my_module.py, line 12"
    signal  name of the signal, as in "Segmentation fault"
    """

    def __init__(self, place: str, signal: str):
        super().__init__(f"{place}: must not end its process, but crashes ({signal})")


class StudyFailed(GanStudyError):
    """A study could not be run to its end: Ray or the cluster failed, or the ledger cannot be written.

    Finished trials stay in the ledger, and running the study again runs only the missing trials. The CLI exits 1.
    """


class MachineError(GanStudyError):
    """This machine lacks what a command needs: room on a disk, a folder for temporary files, file descriptors.

    The CLI exits 1.
    """


class TrackingError(GanStudyError):
    """The tracking server cannot be reached or returns an error.

    The message holds the server's address, without credentials, and the server's reply. Raised by commands that need
    the server (`gan-study sync`, `gan-study ui`, commands that read results from it), never while a study runs: the
    study continues without the server. The CLI exits 1.
    """


class TrackingRefused(TrackingError):
    """The tracking server refuses the user or the request: the credentials must be corrected.

    Raised in place of `TrackingError` for the HTTP status codes 401 and 403. The CLI exits 2.
    """

    exit_code = 2
