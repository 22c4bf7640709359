-- setuid - credentials that change: users, groups, capabilities
local ids = { "uid", "euid", "suid", "gid", "egid", "sgid" }

on_call("commit_creds", function(k, call)
  local old, new, what = call.task.cred, call.args.new, {}
  for _, id in ipairs(ids) do
    local a, b = old[id].val, new[id].val
    if a ~= b then what[#what + 1] = id .. " " .. tostring(a) .. ">" .. tostring(b) end
  end
  local a, b = linux.caps_text(eg.at(old, "cap_effective")), linux.caps_text(eg.at(new, "cap_effective"))
  if a ~= b then what[#what + 1] = "capabilities " .. tostring(a) .. ">" .. tostring(b) end
  if #what > 0 then row { EVENT = "setuid", DETAIL = table.concat(what, ", ") } end
end)
