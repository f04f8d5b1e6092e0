"""Knows a model as a file: loaded through the C API, signed, probed, named by aliases."""
