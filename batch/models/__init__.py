"""Models in a batch run: from the log to training rows, from these to versions, and from a version to predictions.

`stages` are the two stages that a run has for models, replay and train:

- `replay`: slices of the log to training rows, each from the exact views at its beginning (`prefix`); `replay_task` is
  what it is asked and answers, `slice_rows` collects the rows, `row_file` is their form on disk, `label_file` that of
  labels that arrive later, `model_rows` what is kept of them from run to run; `skew` compares them with what the
  speed layer froze
- `training`: candidates, gate and winner, out of a `training_table` (where labels that arrive later are joined);
  `train` is what a worker does of it, `estimator` fits anything (`distributed_fit`: on all workers together),
  `encoding` and `matrix` turn features into numbers, `version_loss` compares; `estimator_file` makes an estimator a
  file, `pickled_files` says which pickles may be opened, `model_files` carries versions from generation to generation
- `predictor`: a version, ready to predict
"""
