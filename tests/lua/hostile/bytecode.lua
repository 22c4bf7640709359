--! ok
assert(not load("\27Lua") and not load("\27LuaT", "x", "b") and not load("\27Lua", "x", "bt"))
assert(string.dump == nil)
row { N = 1 }
