--! did not end
-- An error raised from a hook is handled while hooks are off.
xpcall(function() while true do end end, function() while true do end end)
