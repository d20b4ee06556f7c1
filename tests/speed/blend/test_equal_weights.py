from __future__ import annotations

from speed.blend.equal_weights import Mean


def test_weights_stay_equal_whoever_loses_and_are_shared_anew_when_somebody_comes_or_goes() -> None:
    blend = Mean(["batch", "speed"])
    blend.update({"batch": 0.0, "speed": 9.0}, {"batch": 0.0, "speed": 9.0})
    assert blend.weights() == {"batch": 0.5, "speed": 0.5}
    for expert in ("tree", "also", "tree"):
        blend.enter(expert)
    assert blend.weights() == dict.fromkeys(["also", "batch", "speed", "tree"], 0.25)
    assert blend.experts == ["also", "batch", "speed", "tree"]
    blend.leave("also")
    blend.leave("batch")
    assert blend.weights() == {"speed": 0.5, "tree": 0.5}
