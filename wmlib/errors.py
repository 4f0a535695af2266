"""The one exception a user may see as a single line."""


class UserError(Exception):
    """Bad input: the message names the file or option and says what to do. The command line exits with code 2."""
