"""A pretrained trunk with new heads, all of it trained.

The heads are fitted to the frozen features first, see `featurex.networks.linear_heads`.
"""

from __future__ import annotations

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
