"""Which models are compared where none is named; light, since every help page shows them."""

DEFAULT_MODELS = ("majority", "svm", "random-forest", "mlp", "finetuned")
