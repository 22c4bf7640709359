--! no name for a file
eg.output("../evil", "x")
