--! did not end within 1 second
local a, b = ("x"):rep(1 << 20), ("x"):rep(1 << 20)
while true do local _ = a < b, a == b, utf8.len(a) end
