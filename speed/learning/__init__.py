"""Learning: what the speed layer knows of one model, in the order of the log.

Read `learner` first. It tests and trains the `expert`s and the blend (`speed.blend`), keeps `scores`, joins labels that
come later (`label_join`) and watches for `drift`; `forecast` is its answer, `part_losses` the hot arithmetic.
"""
