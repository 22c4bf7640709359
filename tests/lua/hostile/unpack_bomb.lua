--! ok
assert(not pcall(table.unpack, {}, 1, 1 << 40))
assert(not pcall(table.unpack, {}, math.mininteger, math.maxinteger))
assert(not pcall(string.byte, ("x"):rep(1 << 20), 1, -1))
row { N = 1 }
