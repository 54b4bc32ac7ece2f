"""Faces found in photos, and the chips that are cut out of them."""
