--! did not end
while true do end
