-- rlimits - what a process may use at most, as /proc/PID/limits shows it.

local UNITS = { [0] = "seconds", "bytes", "bytes", "bytes", "bytes", "bytes", "processes", "files", "bytes", "bytes", "locks",
  "signals", "bytes", nil, nil, "us" }
local INFINITY = -1 -- RLIM_INFINITY: all bits

local function text_of(limit)
  if math.type(limit) ~= "integer" then return limit end
  return limit == INFINITY and "unlimited" or ("%u"):format(limit)
end

return plugin {
  name = "rlimits",
  os = "linux",
  help = "List the resource limits of processes",
  manual = "As /proc/PID/limits has them. --changed shows those that a process does not have from its parent: services that "
    .. "raise what they may open, and programs that protect themselves from core dumps (RLIMIT_CORE).",
  columns = {
    { "PID", "int", "process id" },
    { "COMM", "text", "name; the task can change it" },
    { "RLIMIT", "text", "which limit" },
    { "SOFT", "text", "what counts; unlimited: no limit" },
    { "HARD", "text", "what it can be raised to without rights" },
    { "UNITS", "text", "what is counted" },
  },
  args = {
    { "pid", "int", "only these processes" },
    { "changed", "flag", "only limits that differ from the parent's" },
  },
  needs = { "task_struct.signal", "signal_struct.rlim", "rlimit.rlim_cur", "rlimit.rlim_max" },
  uses = { "tasks", "parent" },
  key = { "PID", "RLIMIT" },
  run = function(k, args, row)
    local names = {}
    for name, index in pairs(linux.rlimits) do names[index] = name end
    for t in linux.tasks(k) do
      if eg.matches("pid", t.tgid) then
        local limits = t.signal.rlim
        local parent = args.changed and linux.parent(t).signal.rlim
        for i = 0, eg.ok(limits) and math.min(#limits, 64) - 1 or -1 do
          local limit = limits[i]
          local soft, hard = limit.rlim_cur, limit.rlim_max
          local differs = true
          if parent and eg.ok(parent) then
            differs = text_of(soft) ~= text_of(parent[i].rlim_cur) or text_of(hard) ~= text_of(parent[i].rlim_max)
          end
          if differs then
            row { PID = t.tgid, COMM = t.comm, RLIMIT = names[i] or ("RLIMIT_%d"):format(i), SOFT = text_of(soft),
              HARD = text_of(hard), UNITS = UNITS[i] }
          end
        end
        if not eg.ok(limits) then eg.note(("process %s: its limits cannot be read"):format(t.tgid)) end
      end
    end
  end,
}
