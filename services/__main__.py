"""Entry point of `python -m services`, which runs the command gan-study."""

from services.cli.app import main

if __name__ == "__main__":
    main()
