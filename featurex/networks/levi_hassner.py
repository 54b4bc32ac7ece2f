"""The network of Levi and Hassner 2015, which made age and gender a task for CNNs.

Gil Levi and Tal Hassner, "Age and gender classification using convolutional neural networks", IEEE
Workshop on Analysis and Modeling of Faces and Gestures, 2015.

Taken from the paper: chips scaled to 256 pixels and crops of 227, at random in training; 96
filters of 7x7x3 with stride 4, 256 of 5x5x96, 384 of 3x3x256, each with a ReLU and a 3x3
max-pooling with stride 2, the first two with a local response normalisation; two fully connected
layers of 512 with dropout of a half; weights from a normal distribution with a standard deviation
of 0.01; at test time the centre crop, or ten-crop over-sampling (centre, corners, and their mirror
images). 11,415,048 parameters with eight outputs, 9.6 millions of them between the last map
(384x7x7) and the first fully connected layer; 0.7 billion multiply-adds a crop, two thirds of them
in the second convolution. With these numbers the published weights file has its size.

Left open or changed: the mean image of the training set, which the paper subtracts, is one grey
level here. The paper trains one network a task, from scratch, by SGD; here the trainer's AdamW
does, and there can be several heads. Biases start at zero. The normalisation's constants are those
of Krizhevsky et al. 2012 as in Caffe (5 channels, alpha 1e-4, beta 0.75).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from featurex.networks.crops import CroppedNetwork
from featurex.networks.shallow import ShallowNetwork

GREY = 127.5


class LeviHassnerNetwork(CroppedNetwork):
    """Three convolutions and two fully connected layers on crops, from random weights.

    Parameters
    ----------
    heads : mapping of str to int
        Number of outputs of each head.
    """

    filters: ClassVar[tuple[int, int, int]] = (96, 256, 384)
    hidden: ClassVar[int] = 512

    def __init__(self, heads: Mapping[str, int]) -> None:
        super().__init__(heads)
        self.body = ShallowNetwork(3, self.crop, self.filters, self.hidden, heads)

    def logits(self, images: Tensor) -> dict[str, Tensor]:
        """Map crops ``(n, 3, 227, 227)`` to logits of every head."""
        return self.body(images - GREY)


class LeviHassnerTenCropNetwork(LeviHassnerNetwork):
    """The same network, evaluated on ten crops of each chip: the paper's over-sampling."""

    oversample = True
