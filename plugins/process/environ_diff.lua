-- environ_diff - environment variables that differ from the parent's.

-- Variables in their order, and by name; nil: there is no environment.
local function variables(t)
  local order, by
  for key, value in linux.envars(t) do
    order, by = order or {}, by or {}
    if value and key ~= "" and not by[key] then -- getenv takes the first of two
      order[#order + 1] = key
      by[key] = value
    end
  end
  return order, by
end

return plugin {
  name = "environ_diff",
  os = "linux",
  help = "List environment variables that differ from those of the parent process",
  manual = "Both are as they were at exec: what a parent set later for itself and handed on shows as added here. A "
    .. "process whose first parent has ended is compared with the one that took it over. Processes whose parent has no "
    .. "environment (kernel threads, init's own parent) and those that cannot be read are not compared; a note says "
    .. "where part of an environment is missing.",
  columns = {
    { "PID", "int", "process id" },
    { "PPID", "int", "process id of the real parent" },
    { "COMM", "text", "name; the task can change it" },
    { "PARENT_COMM", "text", "the parent's name" },
    { "CHANGE", "text", "added, changed, removed" },
    { "KEY", "text", "variable" },
    { "VALUE", "text", "here" },
    { "PARENT_VALUE", "text", "in the parent" },
  },
  args = {
    { "pid", "int", "only these processes" },
    { "key", "text", "only this variable" },
  },
  uses = { "tasks", "envars" },
  run = function(k, args, row)
    local met = args.key == nil
    local known = {} -- by the place of the leader: { order, by } or false
    local function environment(t)
      local at = eg.address(t)
      if at and known[at] == nil then
        local order, by = variables(t)
        known[at] = order and { order, by } or false
      end
      return at and known[at]
    end

    for t in linux.tasks(k) do
      local parent = eg.matches("pid", t.pid) and linux.parent(t)
      local own = parent and eg.ok(parent) and environment(t)
      local theirs = own and environment(parent)
      local function emit(change, key)
        if not args.key or args.key == key then
          met = true
          row { PID = t.pid, PPID = linux.ppid(t), COMM = t.comm, PARENT_COMM = parent.comm, CHANGE = change, KEY = key,
            VALUE = own[2][key], PARENT_VALUE = theirs[2][key] }
        end
      end
      if theirs then
        for _, key in ipairs(own[1]) do
          if theirs[2][key] == nil then emit("added", key) elseif theirs[2][key] ~= own[2][key] then emit("changed", key) end
        end
        for _, key in ipairs(theirs[1]) do
          if own[2][key] == nil then emit("removed", key) end
        end
      end
    end
    if not met then eg.note("--key " .. args.key .. ": no process has it otherwise than its parent") end
  end,
}
