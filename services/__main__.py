"""python -m services: the command gan-study where no script of that name is on the path."""

from services.cli import main

if __name__ == "__main__":
    main()
