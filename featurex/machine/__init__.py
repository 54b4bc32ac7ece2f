"""What this machine has for the work: its cores, memory and devices."""
