"""What is wrong with params and inputs of a workflow, with pipelines as written, and with what steps return."""

from jobs.language.template import Plural, Template

SENTENCES: dict[str, Template] = {
    # Params and inputs of a workflow.
    "no_such_param": "There is no parameter {given}; the parameters are: {known}.",
    "no_params": "There is no parameter {given}; this pipeline has none.",
    "param_not_whole": "{param} must be a whole number, not {given}.",
    "param_not_number": "{param} must be a number, not {given}.",
    "param_not_bool": "{param} must be true or false, not {given}.",
    "param_not_word": "{param} must be a word, not {given}.",
    "param_not_text": "{param} must be a text, not {given}.",
    "param_broken_text": "{param} must be text without half or zero characters, not {given}.",
    "param_not_column": "{param} must be a column name, not {given}.",
    "param_not_by_column": "{param} must name a value for each column, such as city=category, not {given}.",
    "param_not_columns": "{param} must be a list of column names, not {given}.",
    "param_not_json": "{param} must be a value that JSON has, not {given}.",
    "param_missing": "{param} has no default; give it a value ({type}).",
    "param_not_a_choice": "{param} must be one of {known}, not {given}.",
    "param_too_small": "{param} must be at least {low:g}, not {given}.",
    "param_too_big": "{param} must be at most {high:g}, not {given}.",
    "param_out_of_range": "{param} must be between {low:g} and {high:g}, not {given}.",
    "no_such_input": "{pipeline} has no input {given}; its inputs are {known}.",
    "no_inputs": "{pipeline} has no input {given}; it takes no dataset.",
    "input_missing": "{pipeline} needs a dataset as its input {input!r}.",
    "no_step_of_pipeline": "There is no step {given}; the steps are {known}.",
    # Which pipelines there are.
    "no_such_pipeline": "There is no pipeline {given}; there are {known}.",
    "no_such_pipeline_and_faults": "There is no pipeline {given}; there are {known}. {faults}",
    "no_own_pipelines": "There are no pipelines of your own: TRAINYARD_PIPELINES names no module.",
    "own_pipelines_too_slow": "Your pipelines took longer than {seconds:.0f} s to answer and were stopped.",
    "own_pipelines_ended": "The process that loads your pipelines ended; the end of logs/pipelines.log says why.",
    "own_pipeline_raised": "{kind} in your pipeline: {reason}",
    "own_part_raised": "{part} of pipeline {pipeline} stopped with {reason}. The end of logs/pipelines.log says more.",
    "own_part_returned": "{part} of pipeline {pipeline} returned {given}; return {wanted}.",
    "in_own_file": "{file}, line {line:d}: {problem}",
    "pipelines_module_missing": "TRAINYARD_PIPELINES names {module!r}, and there is no such module.",
    "pipelines_module_broken": "TRAINYARD_PIPELINES names {module!r}, which cannot be imported: {reason}.",
    # A pipeline as written.
    "step_keyword_unknown": "Step {name!r} has no keyword {keyword!r}; @step takes {known}.",
    "step_keyword_wrong": "Step {name!r} has {keyword}={given}; write {example}.",
    "step_without_name": '@step needs a name, not {given}; write @step("{given}").',
    "step_of_a_step": "Step {step!r} is made of step {other!r}; write @step once above the function.",
    "step_without_function": "Step {step!r} is made of {given}; write @step above a function.",
    "pipeline_keyword_unknown": "Pipeline {name!r} has no keyword {keyword!r}; pipeline() takes {known}.",
    "pipeline_keyword_wrong": "Pipeline {name!r} has {keyword}={given}; write {example}.",
    "pipeline_without_name": 'A pipeline begins with its name, not {given}; write pipeline("name", first, second).',
    "pipeline_of_no_step": (
        "Pipeline {pipeline!r} lists {given}, which is no step; write @step(...) above the function, and list the "
        "steps one after the other."
    ),
    "param_default_refused": "Step {step!r} has a param {param!r} with a wrong default: {reason}",
    "param_default_is_text": (
        "Step {step!r} has a param {param!r} with the default {given}, which is of another kind; write {read}."
    ),
    "param_choices_not_texts": "Step {step!r} has a param {param!r} with choices={choices}; write them as texts.",
    "pipeline_exists": "There is already a pipeline {pipeline!r}; give one of the two another name.",
    "pipeline_name_malformed": (
        "Pipeline name {pipeline!r} must be made of letters, digits, _ and -, at most {most} of them, such as "
        "nightly-report."
    ),
    "pipeline_without_steps": "Pipeline {pipeline!r} has no steps; give it at least one.",
    "label_too_long": (
        "The label {label!r}… has {count} characters; write at most {most}, and the rest as help or docstring."
    ),
    "step_name_malformed": (
        "Step name {step!r} must be a Python identifier of at most {most} characters, such as clean_up."
    ),
    "step_timeout_too_short": "Step {step!r} has a timeout of {seconds} s; give it at least 1.",
    "step_without_attempts": "Step {step!r} has {count} attempts; give it at least 1.",
    "step_needs_itself": "Step {step!r} needs itself; take it out of needs=.",
    "steps_need_each_other": "Steps {step!r} and {need!r} need each other; one of them must do without the other.",
    "steps_with_one_name": (
        "Pipeline {pipeline!r} has two different functions as step {step!r}; give one of the two another name."
    ),
    "step_takes_no_context": (
        "The function of step {step!r} is called with one value, the context; write def {function}(context)."
    ),
    "choice_without_choices": "Step {step!r} has a choice {param!r} without choices; add choices=(...).",
    "module_without_pipeline": '{module} registers no pipeline; end it with pipeline("name", first, second).',
    "step_need_not_before": (
        "Step {step!r} needs {need!r}, which does not come before it; list {need!r} first, or correct the name."
    ),
    "param_kind_unknown": "Step {step!r} has a param {param!r} of kind {kind!r}; choose one of {known}.",
    "params_differ": (
        "Steps {other!r} and {step!r} both have a param {param!r}, with another kind or default; rename one of the two."
    ),
    "inputs_name_too_long": "Input name {name!r} is too long; use at most {most} characters.",
    "facets_name_too_long": "Facet name {name!r} is too long; use at most {most} characters.",
    "inputs_with_one_name": "Pipeline {pipeline!r} has two inputs called {input!r}; rename one.",
    # What a step asks for and returns.
    "param_undeclared": (
        'Step {step} does not declare the param {param!r}; it declares: none. Add Param("{param}", ...) to its params=.'
    ),
    "param_undeclared_beside": (
        "Step {step} does not declare the param {param!r}; it declares: {known}. "
        'Add Param("{param}", ...) to its params=.'
    ),
    "dataset_undeclared": "Step {step} does not declare a dataset; add reads_dataset=True.",
    "input_not_given": "This workflow was given no dataset as its input {input!r}.",
    "no_files_saved": "Step {step} saved no file {file!r}; it saved: none.",
    "file_not_saved": "Step {step} saved no file {file!r}; it saved: {known}.",
    "nothing_above": ("Step {step} does not come after a step {above!r}; it comes after: none. Add it to needs=."),
    "step_not_above": ("Step {step} does not come after a step {above!r}; it comes after: {known}. Add it to needs=."),
    "result_not_dict": "A step returns a dict; this one returned {kind}.",
    "result_not_plain": (
        "A step returns plain values, but result{place} is of type {kind}. Convert it, for example with list(), str() "
        "or .tolist(), or save it as a file with context.save."
    ),
    "result_keys_equal": (
        "A step returns JSON, whose keys are text; here two keys are both {key!r} as text. Rename one."
    ),
    "score_name_too_long": "Score name {name!r} is too long; use at most {most} characters.",
    "file_name_too_long": "File name {file!r} is too long; use at most {most} characters in context.save.",
    "epoch_too_large": "Epoch {epoch} is too large; the largest is {most}. Count epochs from 1.",
    "result_too_deep": "A step returns JSON; this result holds itself, or is nested too deep. Flatten it.",
    "result_too_large": (
        "What a step returns may have up to {most:bytes}; this has {size:bytes}, most of it in {name!r}. Save it as a "
        "file with context.save."
    ),
    "score_not_number": 'Score {name!r} is {given}, which is no number; leave it out of "scores", or convert it.',
    "metric_not_number": "Metric {name!r} is {given}, which is no number.",
    "epoch_not_whole": "context.metric begins with an epoch, a whole number, not {given}. Count epochs from 1.",
    # Why a result is not drawn.
    "misfit_table": 'it needs a list of "columns" and a list of "rows"',
    "misfit_row_no_list": "row {row:d} is not a list of values",
    "misfit_row": Plural(
        "row {row:d} has 1 value for {columns} columns",
        "row {row:d} has {values} values for {columns} columns",
        by="values",
    ),
    "misfit_curve": 'each of its "lines" needs "points" that are pairs of numbers',
    "misfit_confusion": 'it needs "labels", and in "counts" a row of as many numbers for each label',
    "misfit_importance": 'its "values" must be pairs of a name and a number, and its "spread" as long',
    "misfit_text": 'it has no "text"',
    "misfit_json": 'it has no "value"',
    "misfit_picture": 'it names no "artifact", or a "media_type" that is not drawn',
    "scores_not_numbers": '"scores" must be a dict of numbers by name, such as {{"accuracy": 0.9}}.',
    "result_not_storable": "A step returns a dict of plain JSON values; this one's cannot be stored: {reason}.",
}
