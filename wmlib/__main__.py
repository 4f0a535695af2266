"""``python -m wmlib`` is ``wmlib``."""

from wmlib.cli import main

if __name__ == "__main__":
    main()
