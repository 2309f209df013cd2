"""Routes: what programs can ask for, one module a noun. A route states its role, reads the request, calls a verb."""
