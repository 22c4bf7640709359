--! did not end
local function stubborn()
  local x <close> = setmetatable({}, { __close = function() while true do end end })
  while true do end
end
while true do pcall(stubborn) end
