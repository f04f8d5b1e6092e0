"""Says at the start who is shown nothing, or less: such a service needs an approval as such."""

from collections.abc import Iterator

from runtime.settings import Settings
from runtime.trials.phase import SAID
from runtime.trials.stop import stopped


def announced(settings: Settings) -> Iterator[str]:
    """Yield a line for each EHR that is silent, and for the trial; stopped, where it was."""
    for ehr in settings.ehr:
        if ehr.mode in SAID:
            yield f"SILENT: ehr `{ehr.id}` is in {ehr.mode} mode: {SAID[ehr.mode]}."
    if trial := settings.trial:
        why = stopped(settings.trial_stop_path)
        state = f"stopped: {why}" if why else f"from {trial.starts} to {trial.ends}"
        yield (
            f"TRIAL: protocol {trial.protocol}, approval {trial.approval}, {state}. In the "
            f"control arm, {100 * trial.control_share:g} % by {trial.randomise}, the models' part "
            "of a card is recorded and not shown."
        )
