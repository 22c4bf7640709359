--! did not end
local mt = {}
mt.__len = function() while true do end end
local t = setmetatable({}, mt)
while true do pcall(function() local _ = #t end) end
