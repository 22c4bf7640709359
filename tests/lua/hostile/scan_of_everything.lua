--! did not end
while true do for _ in eg.scan(k, { bytes = "\1" }, 0, -1) do end end
