--! not a valid name for a file
eg.output("../evil", "x")
