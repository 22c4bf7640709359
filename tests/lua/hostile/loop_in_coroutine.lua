--! did not end
while true do
  local co = coroutine.create(function() pcall(function() while true do end end) end)
  pcall(coroutine.resume, co)
end
