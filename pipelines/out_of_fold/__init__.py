"""The out-of-fold table: what each model said of each face that it had not seen."""
