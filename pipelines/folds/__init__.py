"""Who is tested when: folds, splits and protocols in which no person is on both sides."""
