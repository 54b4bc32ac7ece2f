"""``python -m featurex``: the command line where its script is not on the path."""

from featurex.cli import main

main()
