"""Entry point of the command gan-study, also as `python -m services`."""

import sys

CALL_USERS_CODE = ("validate", "plan", "evaluate", "submit")
"""Commands in whose process a user's code is called; `run` calls it in the driver's."""


def main() -> None:
    """Run the command. Without the packages of the extra [studies] it is one sentence, and the exit code 2."""
    try:
        import studies  # noqa: F401
    except ModuleNotFoundError as error:
        print(f"gan-study: {error}", file=sys.stderr)
        sys.exit(2)
    from services.cli.app import main as run_command

    if sys.argv[1:2] and sys.argv[1] in CALL_USERS_CODE:
        from services.cli.supervised import supervised

        supervised(run_command)
    else:
        run_command()


if __name__ == "__main__":
    main()
