"""What is said of the faces of a photo."""
