"""Authoring: pipelines in plain Python, made of functions that call each other.

`@step` makes a function a step, `@pipeline` a function whose body calls steps. When a workflow starts, the body is
traced: it runs once, each call of a step becomes a row, and what it returns is a handle that can be passed on. So all
rows exist before anything runs, and no process waits meanwhile.

`@flow` makes a function a program that looks at what its steps leave; it is driven in turns (`driving`).

`signature` and `returns` read a function's annotations, `options` what decorators and configuration files say, `step`,
`pipeline`, `tracing` and `handles` make rows of calls, `nodes` and `node_pipelines` do so of functions that are
listed with names, `body` calls a step's function in its own process, and `inside`
is what code can ask and say there. Not here: how values become bytes (`artifacts`), where steps run (`engine`), and how
a script starts a workflow and waits for it (`trainyard`).
"""
