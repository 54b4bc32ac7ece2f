"""Photos: known by their bytes, decoded safely, read in parts."""
