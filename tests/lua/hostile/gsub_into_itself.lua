--! C stack overflow
local function f(c) return (c:gsub(".", f)) end
f("x")
