"""The list of workflows: what the URL asks for, the rows as a table and as a CSV file."""
