"""Looks at a configuration and at what it names before anything is served by it: `vigil check` and
`vigil doctor`.
"""
