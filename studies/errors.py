"""The one exception tree. What becomes of a GAN is never in it: a member that fails is a measurement."""


class GanStudyError(Exception):
    """Anything that went wrong and can be told in one message; raised only as one of its subclasses.

    The CLI prints the message without a traceback and exits with `exit_code`; any other exception is a defect of this
    program.
    """

    exit_code = 1


class InputError(GanStudyError):
    """What the user gave is wrong: the study file, an override, a name, an address.

    Raised by whatever reads it, before anything is started, in one sentence that opens with the key's path:
    `conditions.wgan.constraint.clip_value: must be > 0, but is -0.01`. The CLI exits 2.
    """

    exit_code = 2


class StudyFailed(GanStudyError):
    """A study that was started could not be finished: its workers kept dying, its ledger cannot be written.

    Raised by the runner and by what talks to a cluster. What is in the ledger is kept, and running the study again
    runs only what is missing. The CLI exits 1.
    """


class TrackingError(GanStudyError):
    """The tracking server cannot be reached or cannot answer: the address, without credentials, and what it says.

    Raised by what is about the server alone, `gan-study sync`, `ui` and results read from there, never by a run. The
    CLI exits 1.
    """


class TrackingRefused(TrackingError):
    """The tracking server does not let this user in, or not to what is asked of it: the credentials must be corrected.

    Raised where any other `TrackingError` is, for the answers 401 and 403. The CLI exits 2.
    """

    exit_code = 2
