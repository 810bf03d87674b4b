"""`python -m services`: the command gan-study without its script."""

from services.cli.app import main

if __name__ == "__main__":
    main()
