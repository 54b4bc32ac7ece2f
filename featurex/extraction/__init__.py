"""The GPU stage: photos to faces to chips to embeddings, and the cache that keeps them."""
