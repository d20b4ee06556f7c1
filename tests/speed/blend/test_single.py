from __future__ import annotations

from speed.blend import blend_of


def test_one_expert_alone_answers_and_the_others_stand_in_for_it() -> None:
    blend = blend_of("batch")
    blend.enter("speed")
    blend.enter("tree")
    assert blend.weights() == {"speed": 0.5, "tree": 0.5}
    blend.enter("batch")
    assert blend.weights() == {"batch": 1.0, "speed": 0.0, "tree": 0.0}
    assert blend.weights(["speed", "tree"]) == {"speed": 0.5, "tree": 0.5}
    blend.leave("batch")
    assert blend.weights() == {"speed": 0.5, "tree": 0.5}


def test_losses_do_not_move_it() -> None:
    blend = blend_of("speed")
    for expert in ("batch", "speed"):
        blend.enter(expert)
    blend.update({"batch": 0.0, "speed": 9.0}, {"batch": 0.0, "speed": 9.0})
    assert blend.weights() == {"batch": 0.0, "speed": 1.0}
