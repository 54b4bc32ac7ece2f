"""Where in a face an answer comes from."""
