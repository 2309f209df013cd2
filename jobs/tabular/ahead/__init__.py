"""Reading ahead: while a big CSV file arrives, a child of the sandbox reads its rows already and writes the typed
table, so that bytes are read once. The upload step takes the table over, and makes one itself where there is none."""
