"""The words of the command that is running, as they can be typed again."""

from __future__ import annotations

from typing import Any

import typer

_TYPED = "COMMANDLINE"


def typed_words(context: typer.Context) -> list[str]:
    """Return the command and what was given to it: arguments first, then options.

    Parameters
    ----------
    context : typer.Context

    Examples
    --------
    ``['featurex', 'fit', 'people', '--model', 'svm']``
    """
    given = [
        (parameter, context.params[parameter.name])
        for parameter in context.command.params
        if parameter.name in context.params and _is_typed(context, parameter.name)
    ]
    arguments = [str(value) for p, value in given if p.param_type_name == "argument"]
    options = [w for p, value in given if p.param_type_name == "option" for w in _option(p, value)]
    return ["featurex", str(context.info_name), *arguments, *options]


def _is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == _TYPED


def _option(parameter: Any, value: Any) -> list[str]:
    if isinstance(value, bool):
        names = parameter.opts if value else parameter.secondary_opts
        return names[:1]
    values = value if isinstance(value, list | tuple) else [value]
    return [word for one in values for word in (parameter.opts[0], str(one))]
