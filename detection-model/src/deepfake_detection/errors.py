"""The base of every error whose message is written for the person in front of the screen."""


class UserError(ValueError):
    """Something the user can put right; the message says how."""
