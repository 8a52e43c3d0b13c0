"""
End-member tables as a person writes them: TOML, every number with its source.

A table is read whole or refused with the place and what would be right; nothing is guessed. The
how-to is ``docs/how-to/edit-end-members.md``.
"""
