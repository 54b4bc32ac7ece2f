"""Text from strangers, made safe to show."""


def printable(text: str) -> str:
    r"""Escape what is not printable: line breaks, what moves a cursor, what turns text around.

    Examples
    --------
    >>> printable("a\nb")
    'a\\nb'
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
