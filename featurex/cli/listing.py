"""``featurex datasets`` and ``featurex backbones``: what can be named."""

from __future__ import annotations

from featurex.cli.shared import Json, guarded, print_json, print_table


@guarded
def datasets(json: Json = False) -> None:
    """List the data sets that can be read."""
    from featurex.datasets import describe

    table = describe()
    if json:
        print_json(table.to_dict("records"))
    else:
        print_table(table)


@guarded
def backbones(json: Json = False) -> None:
    """List the frozen networks that can make embeddings."""
    from featurex.backbones.catalogue import describe

    table = describe()
    if json:
        print_json(table.to_dict("records"))
    else:
        print_table(table)
