"""Networks trained end to end."""
