"""Who is champion: a fold of decisions, in the order of the log. Every layer takes it from here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from eventlog.decisions.batch_decisions import Publication
from eventlog.decisions.decision import Decision
from eventlog.decisions.model_decisions import ModelPromoted, ModelRolledBack

CHAMPIONS_KEPT = 50
"""How far back rollbacks can go; a state must not grow with the number of publications."""

VersionStatus = Literal["champion", "rejected", "retired"]


@dataclass(frozen=True, slots=True)
class Champions:
    """The champions of one model.

    Attributes
    ----------
    versions
        All that were it, oldest first, the present one last: what a rollback goes back through. The same version may
        stand there several times.
    """

    versions: tuple[int, ...] = ()

    @property
    def present(self) -> int | None:
        """The version that is champion; None: there was none yet."""
        return self.versions[-1] if self.versions else None

    @property
    def earlier(self) -> int | None:
        """The champion before the present one, where a rollback goes; None: there was none."""
        return self.versions[-2] if len(self.versions) > 1 else None

    def promote(self, version: int) -> Champions:
        """Make a version the champion.

        >>> Champions((1, 2)).promote(1)
        Champions(versions=(1, 2, 1))
        """
        if version == self.present:  # promoted twice: a rollback must not lead to itself
            return self
        return Champions((*self.versions, version)[-CHAMPIONS_KEPT:])

    def roll_back(self, version: int) -> Champions:
        """Go back to a version: to the champion before the present one, which is taken away, or further.

        >>> Champions((1, 2)).roll_back(1)
        Champions(versions=(1,))
        >>> Champions((1, 2, 3)).roll_back(1)
        Champions(versions=(1, 2, 3, 1))
        """
        return Champions(self.versions[:-1]) if self.earlier == version else self.promote(version)

    def status(self, version: int, *, promoted: bool) -> VersionStatus:
        """What a version is: the champion, one that was it, or one that never was.

        Parameters
        ----------
        promoted
            Whether it passed its gate when it was published: then it was champion, if only so long ago that
            `versions` has forgotten it.
        """
        if version == self.present:
            return "champion"
        return "retired" if promoted or version in self.versions else "rejected"


NONE_YET = Champions()
ChampionsByModel = Mapping[str, Champions]


def champions_after(known: ChampionsByModel, decision: Decision) -> ChampionsByModel:
    """The champions by model once a decision is in force; `known` itself if that changes nothing."""
    match decision:
        case Publication(promoted=promoted) if promoted:
            return {**known, **{name: known.get(name, NONE_YET).promote(version) for name, version in promoted.items()}}
        case ModelPromoted(model=name, version=version):
            return {**known, name: known.get(name, NONE_YET).promote(version)}
        case ModelRolledBack(model=name, version=version):
            return {**known, name: known.get(name, NONE_YET).roll_back(version)}
        case _:
            return known


def champions_by_model(
    decisions: Iterable[Decision], known: ChampionsByModel = MappingProxyType({})
) -> ChampionsByModel:
    """The champions by model after some decisions, in the order of the log.

    Parameters
    ----------
    known
        Who they were before.

    >>> from anabranch import Cut
    >>> published = [Publication(1, Cut((5,)), "", "r1", {"m": 1}), Publication(2, Cut((9,)), "", "r2", {"m": 2})]
    >>> champions_by_model([*published, ModelRolledBack("m", 1, previous=2)])
    {'m': Champions(versions=(1,))}
    """
    for decision in decisions:
        known = champions_after(known, decision)
    return known
