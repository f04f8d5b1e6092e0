"""Faults and attacks on a real `vigil serve`, each measured against its promise: `make faults`."""
