--! did not end
local s = ("a"):rep(100000)
while true do pcall(string.gsub, s, ("a*"):rep(30) .. "b", "") end
