"""The option of a command that says which of our services answers."""

import click

# Written out, since the table of services imports what a server may not yet import.
HOOKS = ("patient-view", "encounter-start", "encounter-discharge")
HOOK = click.option(
    "--hook", type=click.Choice(HOOKS), default=HOOKS[0], help="Which service answers."
)
