"""One trunk with a head for every attribute, as the multi-task CNN of Das et al. 2018.

Abhijit Das, Antitza Dantcheva and Francois Bremond, "Mitigating bias in gender, age and ethnicity
classification: a multi-task convolution neural network approach", ECCV Workshops, 2018.

Taken from the paper: a trunk pretrained on faces, shared by gender, age and race; on it a fully
connected layer and a softmax for each of them; all of it trained together, so that the features of
one attribute serve the others, and errors fall less on one group of people than with a network of
each attribute's own.

Left open or changed: the paper's trunk is FaceNet, here any backbone, such as dlib's face ResNet.
Features are standardised, and the layers fitted to them before all is trained. The paper lets the
weights of the losses move during the training; here all weigh the same.
Attributes that a data set does not label are left out, a face without one of the labels adds
nothing to that head's loss. With ``side_tasks=all`` it learns years too, where they are labelled.
"""

from __future__ import annotations

from typing import ClassVar

from featurex.networks.trunk import TrunkNetwork


class MultitaskNetwork(TrunkNetwork):
    """A pretrained trunk with heads for gender, age group and race where they are labelled.

    Parameters
    ----------
    trunk : torch.nn.Module
        Maps chips ``(n, 3, h, w)``, 0 to 255, to ``(n, n_features)``.
    n_features : int
        Length of the trunk's features.
    heads : mapping of str to int
        Number of outputs of each head.
    """

    side_heads: ClassVar[tuple[str, ...]] = ("gender", "age-group", "race")
    more_side_heads: ClassVar[tuple[tuple[str, ...], ...]] = (("age",),)
