--! writes more than 1024 KiB of files
local text = ("x"):rep(100000)
while true do pcall(eg.output, "large", text) end
