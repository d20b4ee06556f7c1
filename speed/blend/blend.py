"""The one interface of all blends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from copy import deepcopy
from typing import Any, ClassVar, Self

from speed.blend.finite import finite


class Blend(ABC):
    """Convex weights over named experts, learnt from their losses example by example.

    A subclass says in `learn` how weights follow from losses. All its attributes are plain data (numbers, texts,
    lists, dicts by expert), so that `state` is simply all of them. Experts are kept in the order of their names:
    the floats do not depend on the order in which experts came.

    Labels may come late. The weights learn from losses in the order in which `update` is called, whatever the
    weights were when the example was predicted.

    Parameters
    ----------
    experts
        Those that are there from the beginning, with equal weights.
    """

    name: ClassVar[str]
    """How an application calls it."""

    linear: ClassVar[bool] = True
    """Whether it learns from slopes and so competes with the best *mixture*; else from losses, with the best expert."""

    def __init__(self, experts: Iterable[str] = ()):
        self.shares: dict[str, float] = {}
        for expert in experts:
            self.enter(expert)

    @property
    def experts(self) -> list[str]:
        return list(self.shares)

    def weights(self, among: Collection[str] | None = None) -> dict[str, float]:
        """The weights to predict with: none below zero, their sum one. The caller must not change the dict.

        Parameters
        ----------
        among
            The experts that have a prediction for this example; the others sleep, and these share their weight in
            proportion (Freund, Schapire, Singer, Warmuth 1997, *Using and combining predictors that specialize*).
            By default all. Names that never entered are left out.

        Returns
        -------
        dict
            Weight by expert; empty if there is none.
        """
        shares = self.shares
        if among is None or (len(among) >= len(shares) and all(expert in among for expert in shares)):
            return shares
        awake = {expert: share for expert, share in shares.items() if expert in among}
        mass = sum(awake.values())
        if mass > 0.0:
            return {expert: share / mass for expert, share in awake.items()}
        return {expert: 1.0 / len(awake) for expert in awake}

    def enter(self, expert: str, loss: float | None = None) -> None:
        """Let in an expert with a fair share, one n-th; nothing happens if it is there already.

        Parameters
        ----------
        loss
            The mean loss that it is known to have, if any, as a batch model has one on its holdout. The default blend
            then takes it for a start: an expert that has diverged meanwhile gets nothing until the first labels come.
        """
        if expert in self.shares:
            return
        n = len(self.shares) + 1
        entered = {other: share * (n - 1) / n for other, share in self.shares.items()} | {expert: 1.0 / n}
        self.shares = {name: entered[name] for name in sorted(entered)}

    def leave(self, expert: str) -> None:
        """Let an expert go; the others take its weight in proportion. Nothing happens if it is not there."""
        if expert in self.shares:
            self.shares = self.weights([other for other in self.shares if other != expert])

    def update(self, losses: Mapping[str, float], slopes: Mapping[str, float]) -> None:
        """Learn from one example whose label is known.

        Parameters
        ----------
        losses
            The loss of every expert that predicted the example, in any unit; the others sleep and do not suffer.
            What is not finite is left out, as is an expert that has left meanwhile.
        slopes
            Of the same experts, the losses linearised at the blend's own prediction (see `slope` in `loss`).
        """
        values = finite(slopes if self.linear else losses)
        shares = self.shares
        if values.keys() != shares.keys():
            values = {expert: values[expert] for expert in shares if expert in values}
        if len(values) > 1 and min(values.values()) < max(values.values()):
            self.learn(values)

    @abstractmethod
    def learn(self, losses: Mapping[str, float]) -> None:
        """Change `shares` after the losses (or slopes) of at least two experts, all finite and not all equal."""

    def state(self) -> dict[str, Any]:
        """Everything it has learnt, as plain data that survives JSON to the bit."""
        return {"blend": self.name, **deepcopy(vars(self))}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Self:
        """A blend of this class that goes on where another ended.

        Raises
        ------
        ValueError
            The state is not that of such a blend.
        """
        kept = deepcopy(dict(state))
        if kept.pop("blend", None) != cls.name:
            raise ValueError(f"the state is of blend {state.get('blend')!r}, not of {cls.name!r}")
        blend = cls.__new__(cls)
        for name, value in kept.items():
            in_order = {expert: value[expert] for expert in sorted(value)} if isinstance(value, dict) else value
            setattr(blend, name, in_order)
        return blend
