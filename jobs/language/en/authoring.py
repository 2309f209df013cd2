"""What is wrong with pipelines written as functions, with their calls and their configuration."""

from jobs.language.template import Plural, Template

SENTENCES: dict[str, Template] = {
    # A function as a step or pipeline.
    "takes_any_arguments": "{name} takes *{argument}; name each parameter, so that forms and files can fill it.",
    "takes_positional_only": "{name} takes {argument} by its place only; remove the / from its parameters.",
    "return_type_unknown": (
        "Step {name} says that it returns {type}, which cannot be found. Import it at the top of the module."
    ),
    "outputs_with_one_name": "Step {name} has two outputs called {output!r}; rename one.",
    "output_name_malformed": "Step {name} has an output called {output!r}; use 1 to {most} characters.",
    "pipeline_without_function": "A pipeline is made of {given}; write @pipeline above a function.",
    "step_not_importable": (
        "Step {name} is defined inside a function, where no other process finds it. Move it to the top of its module."
    ),
    "function_not_importable": (
        "Step {name} is given {function}, which no other process finds. Name a function at the top of a module."
    ),
    # Options.
    "step_option_unknown": "Step {name} has no option {option!r}; @step takes {known}.",
    "pipeline_option_unknown": "Pipeline {name} has no option {option!r}; @pipeline takes {known}.",
    "option_of_other_type": "{name} has {option}={given}; write {example}.",
    "cache_ignores_unknown": "Step {name} is to ignore {given!r} when results are reused, but takes only {known}.",
    "option_wrong": "{name} has a wrong {option}; write {option}={example}.",
    "option_always": "{name} has {option} switched off; here it is always {value}, so leave it out.",
    "option_instead": "{name} has {option}, which is not there. {instead}",
    "instead_metrics": "Record numbers with log_metric, which draws them live.",
    "instead_pools": "Every step runs in a process of its own, on any of the workers.",
    "instead_environment": "Set variables where Trainyard is started.",
    "instead_secrets": "Set them as variables of the environment where Trainyard is started.",
    "instead_registry": "Return the model from a step: every version of it is kept under its name.",
    "instead_schedules": "Start the pipeline from your own scheduler: trainyard pipeline run FILE:NAME.",
    "instead_materializer": "Write a @materializer for the type.",
    "instead_workers": "Workers run steps side by side; TRAINYARD_WORKERS says how many there are.",
    "instead_background": "Call it in a flow, where .submit() does not wait.",
    "instead_source": "Check the code out and run it there: trainyard pipeline run FILE:NAME.",
    "instead_graph": "The page of a run has its graph.",
    "instead_version": "Write version=, and change it when results become stale.",
    "name_template_wrong": "The name {template!r} cannot be filled: {reason}. It can use {known}.",
    # Calls while a pipeline is traced.
    "call_malformed": "{owner} is called with the wrong arguments: {reason}.",
    "argument_wrong": "{owner}: {argument} must be {type}: {reason}.",
    "argument_not_json": (
        "{owner}: {argument} is a {kind}, which cannot be written down as a parameter. Make it in a step, and pass on "
        "what that returns."
    ),
    "handle_touched": (
        "The body of a pipeline looks at what step {step} returns, which does not exist yet: all steps are written "
        "down before the first one runs. Pass it to a step, and decide there."
    ),
    "handle_attribute": (
        "The body of a pipeline asks for .{attribute} of what step {step} returns, which does not exist yet. Pass it "
        "to a step, and ask there."
    ),
    "handle_without_output": "Step {step} returns nothing that can be passed on; use after= to run after it.",
    "handles_unpacked": "Step {step} has {count} outputs; unpack them, and pass on the one that is meant.",
    "after_malformed": "after= names steps by id or by what they return, not by {given}.",
    "after_unknown": "Step {step} is to run after {given!r}, which was not called before it; there are {known}.",
    "step_id_malformed": "id={given} must be a text of at most {most} characters.",
    "step_id_taken": "There is already a step with the id {given!r}; give one of the two another one.",
    "too_many_steps": "A pipeline or flow may call at most {most:,} steps.",
    # Flows.
    "task_failed": "Step {step} did not complete. {reason}",
    "not_run": "It was {status}.",
    "another_way": (
        "At call {number} the flow asks for {asked} where {recorded} is recorded. A flow is run from the top again "
        "each time it goes on, and has to ask for the same: put what changes, such as the time or chance, into a task "
        "or into once()."
    ),
    "another_end": (
        "The flow came to its end after {asked} calls, while {recorded} is recorded as well. A flow is run from the "
        "top again each time it goes on, and has to ask for the same: put what changes into a task or into once()."
    ),
    "asked_in_a_thread": (
        "{what} is asked for in another thread of a flow. Ask in the flow's own function, and use .submit()."
    ),
    "once_not_json": (
        "once() can keep numbers, texts, lists and dicts with text keys, not a {kind}. Put it into a task."
    ),
    "outside_of_a_flow": "{what}() works in the function of a flow.",
    "time_malformed": 'A time is written as seconds, or as "30s", "15m", "2h" or "3d", not as {given}.',
    "too_many_turns": "The flow waited {most:,} times. Ask for more at once with .map(), or set limit= on the flow.",
    "flow_in_a_pipeline": (
        "Flow {flow} is called in the body of a pipeline, which looks at no values. Make that a flow, too, or write "
        "@pipeline(dynamic=True)."
    ),
    "flow_return_state": "return_state= works for tasks; around a call of flow {flow}, catch its exception instead.",
    "flow_overdue": "The flow took longer than its time limit.",
    "not_answered": "Nobody answered in time.",
    "no_question": "Workflow {workflow:d} has no question {given} that waits for an answer.",
    "which_question": "Workflow {workflow:d} has several questions: say which step is meant, of {known}.",
    "answer_missing": "The answer lacks {field}.",
    "answer_not_fields": "The answer is to give {known}, by name.",
    "answer_unknown_field": "The answer has {given!r}, which is not asked; it can give {known}.",
    "link_wrong": "This link leads to no question. Check that it was copied whole, or ask for a new one.",
    "link_answered": "This question has been answered.",
    "link_over": "This question does not wait for an answer any more.",
    "answered_before": "Question {step} has been answered before.",
    "map_without": "{step}.map() has no {option}=; ask each of its futures for .state, and name copies by map_key=.",
    "wait_without_timeout": (
        "A wait of a flow has no time limit, as a replay might see another end of it: give the task timeout_seconds."
    ),
    "map_chunk": "{step}.map(chunk=) is a whole number from 1 on, not {given}.",
    "map_of_nothing": "{step}.map() is given no list to go through.",
    "map_unequal": "{step}.map() is given lists of different lengths: {lengths}. Use unmapped() for what goes to each.",
    "pipeline_calls_no_step": "Pipeline {pipeline} calls no step with these parameters; let it call at least one.",
    "pipeline_in_a_step": (
        "Pipeline {pipeline} is called inside a step. Call it in the body of a pipeline, or its steps as functions."
    ),
    "pipeline_called_on_import": (
        'Pipeline {pipeline} is called while its module is imported. Write the call below if __name__ == "__main__":.'
    ),
    "no_such_argument": "Pipeline {pipeline} has no parameter {given!r}; it has {known}.",
    "param_given_twice": "{owner}: {param} is set both in the configuration and in the call, differently; remove one.",
    # Configuration files.
    "config_unreadable": "{file} cannot be read: {reason}.",
    "config_not_yaml": "{file} is no YAML: {reason}.",
    "config_not_mapping": "{file} must hold names with values, not {given}.",
    "config_step_not_called": (
        "The configuration names step {step!r}, which the pipeline does not call with these params; it calls {known}."
    ),
    "config_key_unknown": "{file} says {key!r}, which a run does not have; it has {known}.",
    # Pipelines made of nodes.
    "node_of_no_function": (
        "A node is made of {given}, which no other process finds. Name a function at the top of a module."
    ),
    "node_without_names": "Node {node} has neither inputs nor outputs; name what it takes or what it leaves.",
    "node_names_malformed": "Node {node} has {given} as names; write a text, a list of texts or a dict of texts.",
    "node_name_malformed": "Node {node} has the name {given}; a name is a text of 1 to {most} characters.",
    "node_name_transcoded": (
        "Node {node} has the name {given!r}; a value has one form here, so write the name without @."
    ),
    "node_param_malformed": "Node {node} takes {given!r}; write params:name, or params:name.part of a dict.",
    "node_leaves_param": "Node {node} leaves {given!r}, but params are given at the start; choose another name.",
    "node_param_differs": (
        "The functions that take params:{param} have different defaults for it. Write one of them into "
        "Pipeline(..., defaults={{...}})."
    ),
    "node_param_missing": "params:{param} asks for {part!r}, which the param does not hold; add it where it is set.",
    "node_input_missing": (
        "No node makes {name!r}, and no earlier run left it. Choose a dataset for it, or first run what makes it."
    ),
    "node_output_missing": "Node {node} returned no {key!r}; return a dict with every key of its outputs.",
    "node_name_of_both": "{name!r} is both a param and an input of the pipeline; rename one.",
    "nodes_with_one_name": "Two nodes are called {node!r}; give one another name=.",
    "nodes_make_one_name": "Nodes {node} and {other} both make {name!r}; rename one of the two outputs.",
    "nodes_in_circle": "The nodes {nodes} wait for each other in a circle; rename an input or an output of one.",
    "pipeline_without_nodes": "A pipeline is made of no nodes; list at least one.",
    "pipeline_of_no_node": "A pipeline is made of {given}, which is no node; write node(function, inputs, outputs).",
    "node_pipeline_unnamed": (
        "The pipeline is made in {function}, where no other process finds it. Make it at the top of a module, as in "
        "training = Pipeline([...]), or in a function called create_..._pipeline that takes nothing."
    ),
    "node_pipeline_attribute": (
        "A pipeline has no {attribute}; it has nodes, inputs(), outputs() and all_outputs(), and + joins two of them. "
        "To run from a step, press Run from here or write trainyard rerun ID --from STEP."
    ),
    "instead_namespace": "Call one pipeline in the body of a @pipeline: its steps become a group of their own.",
    "instead_renaming": "Write the names into the nodes, or call the pipeline in a @pipeline with what it takes.",
    "instead_confirms": "A run starts when somebody starts it, so there is nothing to confirm; leave it out.",
    "instead_preview": "Every output has a preview on the page; leave it out.",
    "dataset_of_other_type": (
        "{input} is a {kind}; give the path of a table, the number of a dataset, or a pandas frame."
    ),
    # Inside of a step.
    "no_such_output_of_step": "Step {step} has no output {given}; it has {known}.",
    "outputs_not_as_many": Plural(
        "Step {name} returned {given:d} values; it has 1 output.",
        "Step {name} returned {given:d} values; it has {count} outputs.",
    ),
    "output_not_ours": (
        "{output} is of type {type}, whose loading can run code, and was not made by this installation: it is not "
        "loaded. Run the step that makes it here."
    ),
    "source_gone": "{source} cannot be found in the code: {reason}.",
    "hook_failed": "{hook} failed: {reason}",
    "retry": "Attempt {number:d} follows in {seconds:g} s.",
    # Code as it is kept.
    "code_module_missing": "There is no module {module!r} in the code.",
    "code_module_broken": "{module} cannot be imported: {reason}.",
    "no_such_code_file": "{source} names no code: there is no file {file}.",
    "code_file_not_importable": "{file} and the folders to it must be names that Python can import; rename them.",
    "no_pipeline_in_file": "{source} has no pipeline; write @pipeline above a function at the top of the module.",
    "which_pipeline_in_file": "{source} has no pipeline {given}; it has {known}. Write FILE:NAME.",
    "config_of_other_kind": (
        "Pipeline {pipeline} takes params only; options of a run are for pipelines written as functions."
    ),
    "no_such_code": "There is no code {code!r}.",
    "no_such_output": "There is no artifact {output!r}.",
    "no_artifact_called": "There is no artifact called {given!r}.",
    "no_such_artifact_version": "There is no version {version} of an artifact called {given!r}.",
    "no_run_called": "There is no workflow called {given!r}.",
    "code_too_large": (
        "The folder {folder} holds more than {most:,} files or {megabytes} MB, too much to be kept as code. Name what "
        "to leave out in its {file}, one pattern a line."
    ),
    "code_in_home": "The code is in {folder} itself; move it into a folder of its own.",
    "code_not_in_a_file": "Module {module} has no file, so its steps cannot run elsewhere; write it into one.",
}
