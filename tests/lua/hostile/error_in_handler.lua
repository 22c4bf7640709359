--! ok
local ok, why = xpcall(error, function() error("again") end, "x")
assert(not ok and type(why) == "string")
row { N = 1 }
