"""What other engines take of the typed plan: files to hand over, no connection."""
