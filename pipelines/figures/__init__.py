"""Pictures of scores and of training, and the plane of a map."""
