"""The age as the expected value of a distribution over 101 years: DEX.

Rasmus Rothe, Radu Timofte and Luc Van Gool, "DEX: Deep expectation of apparent age from a single
image", ICCV Workshops, 2015; on pretrained face networks: Philip Smith and Cuixian Chen, "Transfer
learning with deep CNNs for gender recognition and age estimation", arXiv 1811.07344, 2018.

Taken from the papers: a pretrained classification network (VGG-16 there) whose last layer is
replaced by 101 outputs, one a year from 0 to 100; trained by cross-entropy with the year as the
class; the age is the mean of the softmax's distribution, which beats both the most probable year
and a direct regression. Dropout of a half before that layer, as VGG-16 has it. (The settings
`many-faces` answer with the median; ``--train age_answer=mean`` is the papers' answer.)

Left open or changed: any backbone, at its own size. Features are standardised, and the layer is
fitted to them before all is trained. There is one network where DEX averages twenty, it is not
trained on IMDB-WIKI before, and faces are aligned by landmarks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import nn

from featurex.networks.trunk import TrunkNetwork

AGE = "age"
# So narrow that all of a label lies on its own year.
ONE_YEAR = 0.1


class AgeExpectationNetwork(TrunkNetwork):
    """A pretrained trunk with 101 outputs, whose softmax is a distribution over years.

    Parameters
    ----------
    trunk : torch.nn.Module
        Maps chips ``(n, 3, h, w)``, 0 to 255, to ``(n, n_features)``.
    n_features : int
        Length of the trunk's features.
    heads : mapping of str to int
        Only "age".

    Raises
    ------
    ValueError
        There is another head.
    """

    dropout: ClassVar[float] = 0.5
    label_width: ClassVar[float] = ONE_YEAR

    def __init__(self, trunk: nn.Module, n_features: int, heads: Mapping[str, int]) -> None:
        if set(heads) != {AGE}:
            raise ValueError(
                "The network age-expectation predicts years: its only task is 'age'. "
                f"Got {', '.join(heads)}."
            )
        super().__init__(trunk, n_features, heads)
