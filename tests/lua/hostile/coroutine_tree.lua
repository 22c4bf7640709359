--! did not end
-- Each coroutine counts its instructions from the start.
local function grow(depth)
  if depth == 0 then return end
  for _ = 1, 200 do coroutine.wrap(grow)(depth - 1) end
end
grow(8)
