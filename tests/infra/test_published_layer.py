"""A generation as the speed layer asks for it: what cannot be used is told once and is nobody's end."""

from __future__ import annotations

import logging

import pytest

from anabranch.watermarks import Watermarks
from infra.published_layer import PublishedLayer
from tests.batch.conftest import Home, home
from tests.batch.models.training import ROWS, entry, home_with, model, rides
from tests.batch.rides import rides as plain_rides
from tests.batch.test_run import damage
from tests.generation_files import file_of

__all__ = ["home"]


def test_the_tiles_of_a_key_are_those_of_the_generation_from_a_start_on(home: Home) -> None:
    home.post("rides", plain_rides(200))
    home.run()
    generation = home.open(1)
    layer, view = PublishedLayer(generation), home.app.views["in_sql"]
    key = ("A", True)
    whole = {start: view.pack(cells) for found, start, cells in generation.tiles(view) if found == key}
    assert len(whole) > 3
    starts = sorted(whole)
    for first in (None, starts[0], starts[2], starts[2] + 1):
        found = {start: view.pack(cells) for start, cells in layer.tiles_of(view, key, first).items()}
        assert found == {start: cells for start, cells in whole.items() if first is None or start >= first}
    assert layer.tiles_of(view, ("nowhere", True), None) == {}
    watermarks: Watermarks = generation.watermarks(home.app)
    assert layer.watermarks(home.app) == watermarks
    generation.close()


def test_a_version_predicts_and_has_the_loss_of_its_holdout(home: Home) -> None:
    home_with(home, model("Ridge()"))
    home.post("rides", rides(60))
    home.run()
    generation = home.open(1)
    layer, definition = PublishedLayer(generation), home.app.models["m"]
    predictor = layer.predictor(definition, 1)
    assert predictor is not None
    assert predictor.version == 1
    assert len(predictor.predict(ROWS)) == len(ROWS)
    assert layer.holdout_loss(definition, 1) == entry(home, 1)["versions"][0]["holdout"]["loss"]
    assert layer.holdout_loss(definition, 7) is None
    assert layer.problems == []
    generation.close()


def test_a_version_that_cannot_be_used_is_none_and_is_told_once(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    home_with(home, model("LGBMRegressor(n_estimators=5)"))
    home.post("rides", rides(60))
    home.run()
    damage(file_of(home.path, entry(home, 1)["versions"][0]["file"]), "altered")
    generation = home.open(1)
    layer = PublishedLayer(generation)
    with caplog.at_level(logging.WARNING):
        assert [layer.predictor(home.app.models["m"], 1) for _ in range(3)] == [None] * 3
        assert layer.predictor(home.app.models["m"], 2) is None
    assert len(layer.problems) == len(caplog.records) == 2
    assert "sha256" in layer.problems[0]
    assert "no version 2" in layer.problems[1]
    generation.close()
