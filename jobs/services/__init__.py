"""What runs beside the pages: one supervisor per home, its embedded Valkey, its workers, and the tick.

| File | Holds |
| --- | --- |
| presence | who uses the services: locks on the home, starting a supervisor, waiting until it is ready |
| supervisor | the process that keeps the others running |
| workers | forking workers, replacing those that end or hang, giving up what they were doing |
| valkey | the embedded server |
| tick | what is done again and again for a whole deployment, under one lease |
| timing | back-off, and repeating something |

May not live here: what a step does (tabular), how it is run (engine), what people can ask for (verbs). Nothing here
imports people's own code. Why not RQ's WorkerPool, honcho or systemd: the pool neither replaces a worker that hangs nor
knows of a database; the others ask for an installation, and `streamlit run app.py` has to be enough.
"""
