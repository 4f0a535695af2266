"""``python -m wmbook``."""

from wmbook.cli import main

if __name__ == "__main__":
    main()
