"""What an audit computes on embeddings and labels."""
