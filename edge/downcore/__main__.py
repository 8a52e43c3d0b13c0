"""Lets ``python -m downcore`` be the command line."""

from downcore.cli import main

if __name__ == "__main__":
    main()
