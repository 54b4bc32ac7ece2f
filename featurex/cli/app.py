"""Puts the commands together."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from featurex._version import __version__
from featurex.cli import (
    audit,
    cache,
    compare,
    demo,
    explain,
    extract,
    fit,
    listing,
    predict,
    report,
)

app = typer.Typer(
    name="featurex",
    help="Age group and gender from face photos: cached CNN embeddings, scikit-learn models, "
    "and an honest comparison with CNNs trained end to end.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich's help would take a third of the time of 'featurex --help'
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(demo.demo)
app.command()(listing.datasets)
app.command()(listing.backbones)
app.command()(extract.extract)
app.command()(audit.audit)
app.command()(compare.compare)
app.command()(report.report)
app.command()(fit.fit)
app.command()(predict.predict)
app.command()(explain.explain)
app.add_typer(cache.app, name="cache")


def _print_version(value: bool) -> None:
    if value:
        print(f"featurex {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):  # a file's name may hold bytes that are no text
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app()
