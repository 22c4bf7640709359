--! did not end
local mt = {}
mt.__pairs = function() while true do end end
local t = setmetatable({}, mt)
while true do pcall(function() pairs(t) end) end
