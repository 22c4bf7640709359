--! did not end
xpcall(error, function() while true do end end)
