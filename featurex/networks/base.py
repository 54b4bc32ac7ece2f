"""The contract of a network trained end to end: face chips in, one output a head."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from featurex.backbones import Backbone

# Width in years of the label distribution around a true age (Gao et al. 2017, "Deep label
# distribution learning with label ambiguity").
LABEL_WIDTH = 2.0


class FaceNetwork(nn.Module):
    """Maps face chips to one output a head.

    The head "age" has 101 outputs, a distribution over the years 0 to 100; any other head has one
    output a class.

    Parameters
    ----------
    heads : mapping of str to int
        Name and number of outputs of each head, such as ``{"gender": 2, "age": 101}``. The first
        is the one that the network is for.

    Attributes
    ----------
    heads : dict of str to int
    side_heads : tuple of str
        Tasks that it also learns where there are labels for them.
    more_side_heads : tuple of tuple of str
        Tasks that it can learn too, where the training settings ask for all; of each tuple the
        first that is labelled.
    label_width : float
        Standard deviation, in years, of the distribution that the age is learnt as.
    """

    heads: dict[str, int]
    side_heads: ClassVar[tuple[str, ...]] = ()
    more_side_heads: ClassVar[tuple[tuple[str, ...], ...]] = ()
    label_width: ClassVar[float] = LABEL_WIDTH

    def __init__(self, heads: Mapping[str, int]) -> None:
        super().__init__()
        self.heads = dict(heads)

    @classmethod
    def learns(cls, task: str, labelled: Collection[str], *, everything: bool) -> tuple[str, ...]:
        """Return what it learns for a task: that itself, and what belongs beside it.

        Parameters
        ----------
        task : str
        labelled : collection of str
            Other tasks that there are labels for.
        everything : bool
            Whether it learns also what helps, rather than only what belongs to it.
        """
        there = {task, *labelled}
        more = [next(filter(there.__contains__, names), task) for names in cls.more_side_heads]
        names = [task, *filter(there.__contains__, cls.side_heads), *more * everything]
        return tuple(dict.fromkeys(names))

    @classmethod
    @abstractmethod
    def make(cls, backbone: Backbone | None, heads: Mapping[str, int]) -> Self:
        """Make a network that is to be trained.

        Parameters
        ----------
        backbone : Backbone, optional
            The pretrained trunk; networks that start from random weights need none.
        heads : mapping of str to int
        """

    @classmethod
    @abstractmethod
    def make_untrained(cls, backbone: Backbone | None, heads: Mapping[str, int]) -> Self:
        """Make the same network with its tensors yet to be loaded; needs no weights file."""

    def forward(self, chips: Tensor) -> dict[str, Tensor]:
        """Map chips to the outputs of every head.

        Parameters
        ----------
        chips : Tensor of shape (n, h, w, 3), uint8
            RGB, of any size.

        Returns
        -------
        dict of str to Tensor of shape (n, heads[name])
            Logits. In evaluation mode the mean over the `views`.
        """
        images = chips.permute(0, 3, 1, 2).float()
        if self.training:
            return self.logits(self.training_view(images))
        views = [self.logits(view) for view in self.views(images)]
        return {name: torch.stack([view[name] for view in views]).mean(0) for name in views[0]}

    def training_view(self, images: Tensor) -> Tensor:
        """Return the version of each image that a training step sees: itself.

        What is drawn by the CPU's random numbers is drawn here: a GPU may replay `logits`.

        Parameters
        ----------
        images : Tensor of shape (n, 3, h, w), float
            0 to 255.
        """
        return images

    def views(self, images: Tensor) -> list[Tensor]:
        """Return the versions of each image that an evaluation averages: itself and mirrored.

        Parameters
        ----------
        images : Tensor of shape (n, 3, h, w), float
            0 to 255.
        """
        return [images, images.flip(3)]

    @abstractmethod
    def logits(self, images: Tensor) -> dict[str, Tensor]:
        """Map images ``(n, 3, h, w)``, float, 0 to 255, to logits ``(n, heads[name])``."""

    def pretrained_parameters(self) -> list[nn.Parameter]:
        """Return the parameters that were trained before: a smaller rate, and can be frozen."""
        return []

    def new_parameters(self) -> list[nn.Parameter]:
        """Return all other parameters."""
        pretrained = {id(parameter) for parameter in self.pretrained_parameters()}
        return [parameter for parameter in self.parameters() if id(parameter) not in pretrained]

    def scratch_parameters(self) -> list[nn.Parameter]:
        """Return the new parameters that nothing prepares, so that they need larger steps.

        By default all of a network without pretrained ones, and none of a network with them, whose
        new layers are heads.
        """
        return [] if self.pretrained_parameters() else self.new_parameters()

    def prepare(self, batches: Iterable[Tensor], targets: Mapping[str, Tensor]) -> None:
        """Do what comes before the training; nothing by default.

        Parameters
        ----------
        batches : iterable of Tensor of shape (n, h, w, 3), uint8
            Training chips, on the network's device.
        targets : mapping of str to Tensor
            For all of these chips, as `torch.nn.functional.cross_entropy` takes them: classes
            ``(n,)`` int64, -100 where the label is missing; for "age", distributions
            ``(n, 101)`` float, all zero where it is missing.
        """
