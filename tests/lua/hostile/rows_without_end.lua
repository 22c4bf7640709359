--! did not end
while true do row { N = 1, TEXT = "x" } end
