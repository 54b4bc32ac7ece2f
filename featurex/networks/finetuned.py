"""A pretrained trunk with new heads, all of it trained.

The heads are fitted to the frozen features first, see `featurex.networks.linear_heads`.

By default it learns its task alone. With ``side_tasks=all`` it learns gender and years together,
where both are labelled, whichever of them is asked for, or age groups where no years are (Caruana
1997, "Multitask learning"). Of tens of thousands of faces each is learnt better so, of a thousand
not (docs/decisions.md).
"""

from __future__ import annotations

from typing import ClassVar

from featurex.networks.trunk import TrunkNetwork


class FineTunedNetwork(TrunkNetwork):
    """A trunk, and one linear layer a head on its standardised features.

    Parameters
    ----------
    trunk : torch.nn.Module
        Maps chips ``(n, 3, h, w)``, 0 to 255, to ``(n, n_features)``.
    n_features : int
        Length of the trunk's features.
    heads : mapping of str to int
        Number of outputs of each head.
    """

    more_side_heads: ClassVar[tuple[tuple[str, ...], ...]] = (("gender",), ("age", "age-group"))
