"""Sweeps: what is wrong with a request for one, and why one ended before its trials did."""

from jobs.language.template import Plural, Template

SENTENCES: dict[str, Template] = {
    "no_such_sweep": "There is no sweep {sweep!r}.",
    "sweep_over": "Sweep {sweep:d} is already over.",
    "sweep_running": "Sweep {sweep:d} has not ended; stop it before deleting it.",
    "sweep_unnamed": "A sweep needs a name.",
    "trial_not_due": "Another process has started this trial of sweep {sweep:d}, or the sweep was stopped.",
    "sweep_without_worker": "Sweep {sweep:d} waits for a worker: none is running, and TRAINYARD_WORKERS is 0.",
    "nothing_to_sweep": "Name a pipeline, or a dataset_id to train on.",
    "nothing_to_try": "{pipeline} has no parameter of which all choices are tried; name one in values.",
    "no_values_to_try": "Name at least one value of {param} to try.",
    "param_without_choices": "{param} has no list of choices; name the values to try.",
    "tried_and_set": "{param} is in params and in values; leave it out of params.",
    "each_takes_one_param": "The method each tries one parameter, not {params}; use grid for every combination.",
    "too_many_trials": (
        "These are {count} trials; {most} are the most for one sweep. Name fewer values, or set budget.trials "
        "to at most {most} to try the first ones."
    ),
    "too_many_params_to_try": "{count} parameters are too many to try at once; {most} are the most.",
    "too_many_values_to_try": "{param} has {count} values to try; {most} are the most for one sweep.",
    "budget_without_trials": "A budget has at least 1 trial.",
    "budget_without_minutes": "A budget of minutes is more than 0.",
    "budget_of_years": "A budget is at most {most} minutes, which is a year.",
    "sweep_waits": "The next trials start once the pipeline can be loaded again. {reason}",
    # Why a sweep ended.
    "gives_no_chances": (
        "{algorithm} gives no chances: it orders rows by a score, and a threshold is a score without a unit."
    ),
    "sweep_stopped": "Stopped.",
    "sweep_stopped_by": "Stopped by {name}.",
    "sweep_out_of_time": Plural(
        "The budget of 1 minute is used up.", "The budget of {minutes:g} minutes is used up.", by="minutes"
    ),
    "sweep_refused": "A trial could not be started, so no further one starts. {reason}",
    "sweep_failed": (
        "Trainyard could not go on with this sweep ({error}) and stopped it. The log says why; start it again."
    ),
    "sweep_of_removed_person": "No further trial starts, as the account of {name} was removed.",
    "sweep_of_viewer": "No further trial starts, as {name} is a viewer now.",
}
