"""`python -m hakeeper` is the same as `hakeeper`."""

from hakeeper.cli.main import main

if __name__ == "__main__":
    main()
