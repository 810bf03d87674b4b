"""Entry point of the command gan-study, also as `python -m services`."""

import sys


def main() -> None:
    """Run the command. Without the packages of the extra [studies] it is one sentence, and the exit code 2."""
    try:
        import studies  # noqa: F401
    except ModuleNotFoundError as error:
        print(f"gan-study: {error}", file=sys.stderr)
        sys.exit(2)
    from services.cli.app import main as run_command

    run_command()


if __name__ == "__main__":
    main()
