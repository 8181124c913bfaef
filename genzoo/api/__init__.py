"""load, create, train, evaluate: the only room that knows the others. Each verb in its file, so that loading a model
imports nothing of training."""
