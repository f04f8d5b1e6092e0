"""What a running Vigil stands on as a process: the server, its workers, its Redis."""
