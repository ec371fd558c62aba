"""The two ways in which a run ends early. Both print what is wrong and how to mend it."""


class UnreadableInput(Exception):
    """What the run was given cannot be used: exit code 2."""

    exit_code = 2

    def __init__(self, message: str, *, mend: str = "") -> None:
        super().__init__(message)
        self.mend = mend


class PromiseBroken(UnreadableInput):
    """The data does not keep what the product promises: exit code 1."""

    exit_code = 1
