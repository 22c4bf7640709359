--! did not end
-- Half a million steps at every byte, and never the limit of one match.
while true do
  for _ in eg.scan(eg.physical(k), { regex = "(?:\\0|\\0){17}b" }) do end
end
