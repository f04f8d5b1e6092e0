"""How a running Vigil is seen: its parts, its numbers, and a made patient scored every minute."""
