"""What holds for every row of a table, so that one that stands alone says it too."""

from collections.abc import Mapping

import pandas as pd

# Name of a column -> its value in all rows; None where there is nothing to say.
Facts = Mapping[str, str | None]

WARNING = "warning"


def with_facts(table: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """Put facts into every row of a table, beside its task.

    Parameters
    ----------
    table : DataFrame
        Its first column is ``task``. It is not changed.
    facts : mapping of str to str or None

    Returns
    -------
    DataFrame
    """
    table = table.copy()
    for place, (name, value) in enumerate(facts.items(), 1):
        table.insert(place, name, pd.Series(value, table.index, dtype=object))
    return table


def caption(facts: Facts) -> str:
    """Write facts as sentences, such as ``Protocol: subject.``; without the warning."""
    told = {name: value for name, value in facts.items() if value and name != WARNING}
    return " ".join(f"{name.capitalize()}: {value}." for name, value in told.items())


def warnings(facts: Facts) -> list[str]:
    """Write the warning as a sentence, in a list that is empty where there is none."""
    return [f"Warning: {facts[WARNING]}"] if facts.get(WARNING) else []
