--! did not end
local s = ("ab"):rep(4000)
while true do pcall(string.find, s, "(.-)(.-)(.-)%1%2%3c") end
