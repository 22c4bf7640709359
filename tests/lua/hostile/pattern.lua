--! did not end
local s = ("a"):rep(100000)
while true do pcall(string.find, s, ("a-"):rep(20) .. "b") end
