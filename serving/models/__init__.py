"""Models as they are served: `predicting` answers a request, `prediction_recorder` writes the answer into the log,
`model_status` says how a model does and which versions of it can be the champion.
"""
