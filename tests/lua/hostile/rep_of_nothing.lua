--! ok
assert((""):rep(1 << 60) == "" and (""):rep(1 << 62, "") == "")
row { N = 1 }
