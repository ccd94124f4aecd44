"""Exceptions that the Python server raises."""


class InstanceNotFound(Exception):
    """Like Nova's: a message made from keyword arguments."""

    def __init__(self, message=None, **kwargs):
        self.kwargs = kwargs
        super().__init__(message or "Instance %(instance_id)s could not be found." % kwargs)


class Awkward(Exception):
    """Cannot be rebuilt from its arguments."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")
