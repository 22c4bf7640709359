--! __gc is not for scripts
setmetatable({}, { __gc = function() while true do end end })
