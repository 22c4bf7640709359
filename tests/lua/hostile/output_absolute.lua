--! ok
assert(not pcall(eg.output, "/tmp/evil", "x"))
row { N = 1 }
