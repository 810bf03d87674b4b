"""Entry point of the command gan-study, also as `python -m services`."""

import atexit
import gc
import signal
import sys

CALL_USERS_CODE = ("validate", "plan", "evaluate", "submit")
"""Commands in whose process a user's code is called; `run` calls it in the driver's."""

OBJECTS_BEFORE_COLLECTION = 200_000
"""Number of new objects after which Python looks for cycles of garbage; by default it does so after 700.

Importing PyTorch and pandas makes hundreds of thousands of objects, and nearly all of them stay.
"""


def main() -> None:
    """Run the command. Without the packages of the extra [studies] it is one sentence, and the exit code 2."""
    gc.set_threshold(OBJECTS_BEFORE_COLLECTION)
    atexit.register(gc.freeze)  # called last: Python would search all objects for garbage before the process ends
    try:
        import studies  # noqa: F401
    except ModuleNotFoundError as error:
        print(f"gan-study: {error}", file=sys.stderr)
        sys.exit(2)
    from services.cli.app import main as run_command

    try:
        if sys.argv[1:2] and sys.argv[1] in CALL_USERS_CODE:
            from services.cli.supervised import supervised

            supervised(run_command)
        else:
            run_command()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is said: a further Ctrl-C would print a traceback


if __name__ == "__main__":
    main()
