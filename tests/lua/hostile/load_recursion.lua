--! did not end
text = "return load(text)()"
while true do
  local ok, why = pcall(load(text))
  if not ok then error(why, 0) end
end
