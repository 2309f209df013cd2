"""CSV: the one format of tables so far, behind the interface of `jobs.tabular.reader`.

`dialect` how a file can be written · `lines` line ends and limits · `encoding` which bytes mean which letters · `sniff`
delimiter, marks and header from the first lines · `names` of columns · `batches` the rows · `explain` which line is
malformed · `reader` all of it together. Not here: what the cells mean (`jobs.tabular.profile`).
"""
